#include "textflag.h"

// What may be wrong with two bytes, by four bits of theirs each; it is wrong when all three say so.
// After "Validating UTF-8 In Less Than One Instruction Per Byte" (Keiser, Lemire, 2020).
//   1 the rest of a sequence is missing   2 a continuation behind ASCII
//   4 overlong, three bytes               8 above U+10FFFF
//   16 a surrogate                        32 overlong, two bytes
//   64 overlong, four bytes, or above     128 two continuations: right behind a beginning of three or four
DATA firstUpper<>+0(SB)/8, $0x0202020202020202
DATA firstUpper<>+8(SB)/8, $0x4915012180808080
GLOBL firstUpper<>(SB), RODATA|NOPTR, $16
DATA firstLower<>+0(SB)/8, $0xcbcbcb8b8383a3e7
DATA firstLower<>+8(SB)/8, $0xcbcbdbcbcbcbcbcb
GLOBL firstLower<>(SB), RODATA|NOPTR, $16
DATA secondUpper<>+0(SB)/8, $0x0101010101010101
DATA secondUpper<>+8(SB)/8, $0x01010101babaaee6
GLOBL secondUpper<>(SB), RODATA|NOPTR, $16

DATA lower4<>+0(SB)/1, $0x0f
GLOBL lower4<>(SB), RODATA|NOPTR, $1
DATA three<>+0(SB)/1, $0x60 // leaves 0x80 or more of what begins three bytes or four
GLOBL three<>(SB), RODATA|NOPTR, $1
DATA four<>+0(SB)/1, $0x70
GLOBL four<>(SB), RODATA|NOPTR, $1
DATA highest<>+0(SB)/1, $0x80
GLOBL highest<>(SB), RODATA|NOPTR, $1

// func validUTF8AVX2(v []byte) bool
TEXT ·validUTF8AVX2(SB), NOSPLIT, $0-25
	MOVQ v_base+0(FP), SI
	MOVQ v_len+8(FP), DX
	VBROADCASTI128 firstUpper<>(SB), Y15
	VBROADCASTI128 firstLower<>(SB), Y14
	VBROADCASTI128 secondUpper<>(SB), Y13
	VPBROADCASTB lower4<>(SB), Y12
	VPBROADCASTB three<>(SB), Y11
	VPBROADCASTB four<>(SB), Y10
	VPBROADCASTB highest<>(SB), Y9
	VPXOR Y8, Y8, Y8 // the block before
	VPXOR Y7, Y7, Y7 // what is wrong

next:
	SUBQ $32, DX
	JLT  done
	VMOVDQU (SI), Y0
	VPERM2I128 $0x21, Y0, Y8, Y1
	VPALIGNR $15, Y1, Y0, Y2 // the byte before each
	VPALIGNR $14, Y1, Y0, Y3 // the second before
	VPALIGNR $13, Y1, Y0, Y4 // the third before
	VMOVDQU Y0, Y8

	VPSRLW  $4, Y2, Y5
	VPAND   Y12, Y5, Y5
	VPSHUFB Y5, Y15, Y5
	VPAND   Y12, Y2, Y2
	VPSHUFB Y2, Y14, Y2
	VPAND   Y2, Y5, Y5
	VPSRLW  $4, Y0, Y0
	VPAND   Y12, Y0, Y0
	VPSHUFB Y0, Y13, Y0
	VPAND   Y0, Y5, Y5

	// Two continuations stand exactly where three bytes or four have begun two or three before.
	VPSUBUSB Y11, Y3, Y3
	VPSUBUSB Y10, Y4, Y4
	VPOR  Y3, Y4, Y4
	VPAND Y9, Y4, Y4
	VPXOR Y4, Y5, Y5
	VPOR  Y5, Y7, Y7
	ADDQ  $32, SI
	JMP   next

done:
	VPTEST Y7, Y7
	SETEQ  ret+24(FP)
	VZEROUPPER
	RET
