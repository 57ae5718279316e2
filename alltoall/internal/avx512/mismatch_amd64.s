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
	VMOVDQU64  (A)(I*1), Z0                 // Z0 = bits that differ in the first 64 bytes
	VPXORD     (B)(I*1), Z0, Z0
	VMOVDQU64  64(A)(I*1), Z1               // Z0 |= those that differ in the second
	VPTERNLOGD $0xf6, 64(B)(I*1), Z1, Z0
	VPTESTMD   Z0, Z0, K1                   // if any { goto word }
	KORTESTW   K1, K1
	JNZ        word
	ADDQ       $128, I
	CMPQ       I, END
	JNE        block                        // } while I != END
	VZEROUPPER
	MOVQ       $-1, ret+48(FP)              // return -1
	RET

word: // there is a difference in the block
	MOVQ (A)(I*1), AX                       // for a[I:I+8] == b[I:I+8] { I += 8 }
	XORQ (B)(I*1), AX
	JNZ  byte
	ADDQ $8, I
	JMP  word

byte:
	BSFQ AX, AX                             // return I + its first bit that differs / 8
	SHRQ $3, AX
	ADDQ AX, I
	VZEROUPPER
	MOVQ I, ret+48(FP)
	RET
