#include "textflag.h"

// The bytes that are special in JSON: quote, backslash, and up to the last control character.
DATA quote<>+0(SB)/1, $'"'
GLOBL quote<>(SB), RODATA|NOPTR, $1
DATA slash<>+0(SB)/1, $'\\'
GLOBL slash<>(SB), RODATA|NOPTR, $1
DATA lastControl<>+0(SB)/1, $0x1f
GLOBL lastControl<>(SB), RODATA|NOPTR, $1

// By the low four bits: the control character that has a letter of its own (8 b, 9 t, 10 n, 12 f, 13 r),
// elsewhere what equals no byte that is looked up: one above 0x7f finds 0.
DATA lettered<>+0(SB)/8, $0xffffffffffffffff
DATA lettered<>+8(SB)/8, $0xffff0d0cff0a0908
GLOBL lettered<>(SB), RODATA|NOPTR, $16

// By the low four bits: what makes such a character its letter, by addition.
DATA toLetter<>+0(SB)/8, $0x0000000000000000
DATA toLetter<>+8(SB)/8, $0x0000655a00646b5a
GLOBL toLetter<>(SB), RODATA|NOPTR, $16

#define QUOTE_X X15
#define QUOTE_Y Y15
#define SLASH_X X14
#define SLASH_Y Y14
#define LAST_X X13
#define LAST_Y Y13
#define LETTERED_X X12
#define LETTERED_Y Y12
#define TO_LETTER_X X11
#define TO_LETTER_Y Y11
#define SEEN Y10 // all bytes read, one over the other

// QUOTED gets the lanes of IN that are a quote or a backslash, CONTROLS those with a control character.
#define FIND(IN, QUOTE, SLASH, LAST, QUOTED, CONTROLS) \
	VPCMPEQB IN, QUOTE, CONTROLS    \
	VPCMPEQB IN, SLASH, QUOTED      \
	VPOR     CONTROLS, QUOTED, QUOTED \
	VPMINUB  IN, LAST, CONTROLS     \
	VPCMPEQB IN, CONTROLS, CONTROLS

// LETTERS gets the lanes of IN with a control character that has a letter, BAD those of CONTROLS without.
#define FIND_LETTERS(IN, CONTROLS, TABLE, LETTERS, BAD) \
	VPSHUFB  IN, TABLE, LETTERS     \
	VPCMPEQB IN, LETTERS, LETTERS   \
	VPANDN   CONTROLS, LETTERS, BAD

// IN has its letters instead of the control characters in the lanes LETTERS.
#define PUT_LETTERS(IN, TABLE, LETTERS, T) \
	VPSHUFB IN, TABLE, T            \
	VPAND   LETTERS, T, T           \
	VPADDB  T, IN, IN

// Stores the lower eight bytes of X, with a backslash before each that has its bit in MASK: the upper
// half of X is backslashes to take from. MASK gets the number of bits.
#define EXPAND(X, MASK) \
	MOVL    MASK, R10               \
	SHLL    $4, R10                 \
	VPSHUFB (BX)(R10*1), X, X       \
	VMOVDQU X, (DI)                 \
	POPCNTL MASK, MASK

// The same for the next eight bits of AX, and goes on.
#define EXPAND_NEXT(X) \
	MOVBLZX AX, R9                  \
	SHRL    $8, AX                  \
	EXPAND(X, R9)                   \
	LEAQ    8(DI)(R9*1), DI

// func escapeAVX2(dst, src []byte) (written, read int, ascii bool)
TEXT ·escapeAVX2(SB), NOSPLIT, $0-65
	MOVQ dst_base+0(FP), DI
	MOVQ dst_len+8(FP), R8
	MOVQ src_base+24(FP), SI
	MOVQ src_len+32(FP), DX
	ADDQ DI, R8
	LEAQ ·expansions(SB), BX
	VPBROADCASTB quote<>(SB), QUOTE_Y
	VPBROADCASTB slash<>(SB), SLASH_Y
	VPBROADCASTB lastControl<>(SB), LAST_Y
	VBROADCASTI128 lettered<>(SB), LETTERED_Y
	VBROADCASTI128 toLetter<>(SB), TO_LETTER_Y
	VPXOR SEEN, SEEN, SEEN
	CMPQ DX, $8
	JLT  done

	// What is above a multiple of 32 comes first: what is above a multiple of 8, then eights. Each
	// reads 8 bytes, which are there, and goes on by CX of them.
head:
	MOVL DX, CX
	ANDL $31, CX
	JEQ  blocks
	ANDL $7, CX
	JNE  some
	MOVL $8, CX

some:
	MOVQ R8, R9
	SUBQ DI, R9
	CMPQ R9, $64
	JLT  done
	VMOVQ (SI), X0
	VPOR  Y0, SEEN, SEEN
	FIND(X0, QUOTE_X, SLASH_X, LAST_X, X1, X2)
	FIND_LETTERS(X0, X2, LETTERED_X, X3, X4)
	MOVL  $1, R11
	SHLL  CX, R11
	DECL  R11
	VPMOVMSKB X4, R9
	TESTL R11, R9
	JNE   done
	PUT_LETTERS(X0, TO_LETTER_X, X3, X4)
	VPOR  X1, X2, X2
	VPMOVMSKB X2, R9
	ANDL  R11, R9
	VPUNPCKLQDQ SLASH_X, X0, X0
	EXPAND(X0, R9)
	ADDQ  CX, DI
	ADDQ  R9, DI
	ADDQ  CX, SI
	SUBQ  CX, DX
	JMP   head

blocks:
	TESTQ DX, DX
	JEQ   done

block:
	MOVQ R8, R9
	SUBQ DI, R9
	CMPQ R9, $64
	JLT  done
	VMOVDQU (SI), Y0
	VPOR  Y0, SEEN, SEEN
	FIND(Y0, QUOTE_Y, SLASH_Y, LAST_Y, Y1, Y2)
	VPTEST Y2, Y2
	JNE   controls

expand:
	VPOR  Y1, Y2, Y2
	VPMOVMSKB Y2, AX
	TESTL AX, AX
	JEQ   plain
	VEXTRACTI128 $1, Y0, X1
	VPUNPCKLQDQ SLASH_X, X0, X2
	VPUNPCKHQDQ SLASH_X, X0, X3
	VPUNPCKLQDQ SLASH_X, X1, X4
	VPUNPCKHQDQ SLASH_X, X1, X5
	EXPAND_NEXT(X2)
	EXPAND_NEXT(X3)
	EXPAND_NEXT(X4)
	EXPAND_NEXT(X5)

next:
	ADDQ $32, SI
	SUBQ $32, DX
	JNE  block
	JMP  done

plain:
	VMOVDQU Y0, (DI)
	ADDQ $32, DI
	JMP  next

	// Apart, because compact JSON has no control characters.
controls:
	FIND_LETTERS(Y0, Y2, LETTERED_Y, Y3, Y4)
	VPTEST Y4, Y4
	JNE  done
	PUT_LETTERS(Y0, TO_LETTER_Y, Y3, Y4)
	JMP  expand

done:
	VPMOVMSKB SEEN, AX
	TESTL AX, AX
	SETEQ ascii+64(FP)
	SUBQ dst_base+0(FP), DI
	MOVQ DI, written+48(FP)
	SUBQ src_base+24(FP), SI
	MOVQ SI, read+56(FP)
	VZEROUPPER
	RET
