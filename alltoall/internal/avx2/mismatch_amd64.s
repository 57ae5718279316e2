//go:build !purego

#include "textflag.h"

#define A   DI // &a[0]
#define B   SI // &b[0]
#define END R8 // len(a)
#define I   BX // byte offset

// func mismatch(a, b []byte) int
TEXT ·mismatch(SB), NOSPLIT, $0-56
	MOVQ a_base+0(FP), A
	MOVQ a_len+8(FP), END
	MOVQ b_base+24(FP), B
	XORQ I, I
	PCALIGN $32

block: // do {
	VMOVDQU (A)(I*1), Y0          // Y = bits that differ
	VMOVDQU 32(A)(I*1), Y1
	VMOVDQU 64(A)(I*1), Y2
	VMOVDQU 96(A)(I*1), Y3
	VPXOR   (B)(I*1), Y0, Y0
	VPXOR   32(B)(I*1), Y1, Y1
	VPXOR   64(B)(I*1), Y2, Y2
	VPXOR   96(B)(I*1), Y3, Y3
	VPOR    Y0, Y1, Y0            // if any { goto word }
	VPOR    Y2, Y3, Y2
	VPOR    Y0, Y2, Y0
	VPTEST  Y0, Y0
	JNZ     word
	ADDQ    $128, I
	CMPQ    I, END
	JNE     block                 // } while I != END
	VZEROUPPER
	MOVQ    $-1, ret+48(FP)       // return -1
	RET

word: // there is a difference in the block
	MOVQ (A)(I*1), AX             // for a[I:I+8] == b[I:I+8] { I += 8 }
	XORQ (B)(I*1), AX
	JNZ  byte
	ADDQ $8, I
	JMP  word

byte:
	BSFQ AX, AX                   // return I + its first bit that differs / 8
	SHRQ $3, AX
	ADDQ AX, I
	VZEROUPPER
	MOVQ I, ret+48(FP)
	RET
