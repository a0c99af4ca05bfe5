#include "go_asm.h"
#include "textflag.h"

// The classes of a byte are what the two tables have in common for its lower and its upper four bits.
// From bit 7 to bit 0: quote, backslash, bracket, zero, comma, colon, digit, minus or dot.
DATA lowerClasses<>+0(SB)/8, $0x0202020202820212
DATA lowerClasses<>+8(SB)/8, $0x0001214820040202
GLOBL lowerClasses<>(SB), RODATA|NOPTR, $16
DATA upperClasses<>+0(SB)/8, $0x2000600016890000
DATA upperClasses<>+8(SB)/8, $0x0000000000000000
GLOBL upperClasses<>(SB), RODATA|NOPTR, $16

// By the lower four bits: the white space, elsewhere what equals no byte that is looked up.
DATA spaces<>+0(SB)/8, $0xffffffffffffff20
DATA spaces<>+8(SB)/8, $0xffff0dffff0a09ff
GLOBL spaces<>(SB), RODATA|NOPTR, $16

DATA lowerBits<>+0(SB)/1, $0x0f
GLOBL lowerBits<>(SB), RODATA|NOPTR, $1
DATA highestControl<>+0(SB)/1, $0x1f
GLOBL highestControl<>(SB), RODATA|NOPTR, $1

// Stores the highest bits of the 64 bytes in A and B.
#define STORE(A, B, AT) \
	VPMOVMSKB A, AX        \
	VPMOVMSKB B, BX        \
	SHLQ      $32, BX      \
	ORQ       BX, AX       \
	MOVQ      AX, AT(DI)

// The same for Y2 and Y3, and makes the next lower bits the highest.
#define STORE_CLASS(AT) \
	STORE(Y2, Y3, AT)      \
	VPADDB    Y2, Y2, Y2   \
	VPADDB    Y3, Y3, Y3

#define CLASSIFY(IN, OUT) \
	VPSRLW  $4, IN, OUT    \
	VPAND   Y12, OUT, OUT  \
	VPSHUFB OUT, Y14, OUT  \
	VPSHUFB IN, Y15, Y4    \
	VPAND   Y4, OUT, OUT

// func classifyAVX2(v []byte, out *[blocksAtOnce]block) (ascii bool)
TEXT ·classifyAVX2(SB), NOSPLIT, $0-33
	MOVQ v_base+0(FP), SI
	MOVQ v_len+8(FP), DX
	MOVQ out+24(FP), DI
	VBROADCASTI128 lowerClasses<>(SB), Y15
	VBROADCASTI128 upperClasses<>(SB), Y14
	VBROADCASTI128 spaces<>(SB), Y13
	VPBROADCASTB lowerBits<>(SB), Y12
	VPBROADCASTB highestControl<>(SB), Y11
	VPXOR Y10, Y10, Y10 // all bytes read, one over the other

next:
	SUBQ $64, DX
	JLT  done
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VPOR Y0, Y10, Y10
	VPOR Y1, Y10, Y10
	CLASSIFY(Y0, Y2)
	CLASSIFY(Y1, Y3)
	STORE_CLASS(block_quote)
	STORE_CLASS(block_slash)
	STORE_CLASS(block_bracket)
	STORE_CLASS(block_zero)
	STORE_CLASS(block_comma)
	STORE_CLASS(block_colon)
	STORE_CLASS(block_digit)
	STORE(Y2, Y3, block_point)
	VPSLLW   $6, Y0, Y4
	VPSLLW   $6, Y1, Y5
	STORE(Y4, Y5, block_bit1)
	VPSLLW   $2, Y0, Y4
	VPSLLW   $2, Y1, Y5
	STORE(Y4, Y5, block_bit5)
	VPSHUFB  Y0, Y13, Y4
	VPSHUFB  Y1, Y13, Y5
	VPCMPEQB Y0, Y4, Y4
	VPCMPEQB Y1, Y5, Y5
	STORE(Y4, Y5, block_space)
	VPMINUB  Y0, Y11, Y4
	VPMINUB  Y1, Y11, Y5
	VPCMPEQB Y0, Y4, Y4
	VPCMPEQB Y1, Y5, Y5
	STORE(Y4, Y5, block_control)
	ADDQ $64, SI
	ADDQ $block__size, DI
	JMP  next

done:
	VPMOVMSKB Y10, AX
	TESTL AX, AX
	SETEQ ascii+32(FP)
	VZEROUPPER
	RET
