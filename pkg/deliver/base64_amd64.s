#include "textflag.h"

// After "Faster Base64 Encoding and Decoding Using AVX2 Instructions" (Muła, Lemire, 2018).

// Of each three bytes a b c: b a c b.
DATA spread<>+0(SB)/8, $0x0405030401020001
DATA spread<>+8(SB)/8, $0x0a0b090a07080607
GLOBL spread<>(SB), RODATA|NOPTR, $16

// From six bits to their letter, by addition: A-Z, a-z, ten digits, + and /.
DATA toBase64<>+0(SB)/8, $0xfcfcfcfcfcfc4741
DATA toBase64<>+8(SB)/8, $0x0000f0edfcfcfcfc
GLOBL toBase64<>(SB), RODATA|NOPTR, $16

DATA sixBits<>+0(SB)/4, $0x0fc0fc00  // the first and the third six bits of each three bytes
DATA sixBits<>+4(SB)/4, $0x04000040  // times this, they come to their places in the upper half
DATA sixBits<>+8(SB)/4, $0x003f03f0  // the second and the fourth
DATA sixBits<>+12(SB)/4, $0x01000010 // times this, in the lower half
GLOBL sixBits<>(SB), RODATA|NOPTR, $16

DATA lastLower<>+0(SB)/1, $51
GLOBL lastLower<>(SB), RODATA|NOPTR, $1
DATA lastUpper<>+0(SB)/1, $25
GLOBL lastUpper<>(SB), RODATA|NOPTR, $1

// func base64AVX2(dst, src []byte) (read int)
TEXT ·base64AVX2(SB), NOSPLIT, $0-56
	MOVQ dst_base+0(FP), DI
	MOVQ dst_len+8(FP), CX
	MOVQ src_base+24(FP), SI
	MOVQ src_len+32(FP), DX
	VBROADCASTI128 spread<>(SB), Y15
	VBROADCASTI128 toBase64<>(SB), Y14
	VPBROADCASTD sixBits<>+0(SB), Y13
	VPBROADCASTD sixBits<>+4(SB), Y12
	VPBROADCASTD sixBits<>+8(SB), Y11
	VPBROADCASTD sixBits<>+12(SB), Y10
	VPBROADCASTB lastLower<>(SB), Y9
	VPBROADCASTB lastUpper<>(SB), Y8

	// 24 bytes become 32. Two times 16 are read, of which 12 are used.
next:
	CMPQ DX, $28
	JLT  done
	CMPQ CX, $32
	JLT  done
	VMOVDQU (SI), X0
	VINSERTI128 $1, 12(SI), Y0, Y0
	VPSHUFB  Y15, Y0, Y0
	VPAND    Y13, Y0, Y1
	VPMULHUW Y12, Y1, Y1
	VPAND    Y11, Y0, Y0
	VPMULLW  Y10, Y0, Y0
	VPOR     Y1, Y0, Y0

	// Which of the additions: 0 for A-Z, 1 for a-z, then one for each digit and sign.
	VPSUBUSB Y9, Y0, Y1
	VPCMPGTB Y8, Y0, Y2
	VPSUBB   Y2, Y1, Y1
	VPSHUFB  Y1, Y14, Y1
	VPADDB   Y1, Y0, Y0
	VMOVDQU  Y0, (DI)
	ADDQ $24, SI
	SUBQ $24, DX
	ADDQ $32, DI
	SUBQ $32, CX
	JMP  next

done:
	SUBQ src_base+24(FP), SI
	MOVQ SI, read+48(FP)
	VZEROUPPER
	RET
