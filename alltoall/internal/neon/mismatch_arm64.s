//go:build !purego

#include "textflag.h"

#define A   R0 // &a[i]
#define B   R1 // &b[i]
#define LEN R2 // len(a)
#define END R3 // &a[len(a)]
#define X   R4
#define Y   R5

// func mismatch(a, b []byte) int
TEXT ·mismatch(SB), NOSPLIT, $0-56
	MOVD a_base+0(FP), A
	MOVD a_len+8(FP), LEN
	MOVD b_base+24(FP), B
	ADD  A, LEN, END

block: // do {
	VLD1.P 64(A), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 64(B), [V4.B16, V5.B16, V6.B16, V7.B16]
	VEOR   V0.B16, V4.B16, V0.B16      // V = bits that differ
	VEOR   V1.B16, V5.B16, V1.B16
	VEOR   V2.B16, V6.B16, V2.B16
	VEOR   V3.B16, V7.B16, V3.B16
	VORR   V0.B16, V1.B16, V0.B16      // if any { goto found }
	VORR   V2.B16, V3.B16, V2.B16
	VORR   V0.B16, V2.B16, V0.B16
	VMOV   V0.D[0], X
	VMOV   V0.D[1], Y
	ORR    X, Y, X
	CBNZ   X, found
	CMP    A, END
	BNE    block                       // } while A != END
	MOVD   $-1, X                      // return -1
	MOVD   X, ret+48(FP)
	RET

found: // there is a difference in the block, which A and B have passed
	SUB $64, A
	SUB $64, B

word: // do {
	MOVD.P 8(A), X                     // X = bits that differ in the next word
	MOVD.P 8(B), Y
	EOR    X, Y, X
	CBZ    X, word                     // } while X == 0
	RBIT   X, X                        // X = first of its bytes that differs
	CLZ    X, X
	LSR    $3, X
	SUB    $8, A                       // return A - 8 + X - &a[0]
	ADD    A, X
	SUB    END, X
	ADD    LEN, X
	MOVD   X, ret+48(FP)
	RET
