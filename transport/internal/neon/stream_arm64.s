//go:build !purego

#include "textflag.h"

#define DST  R0 // where to store next
#define SRC  R1 // where to load next
#define LEFT R2 // bytes left

// STNP Q0, Q1, [R0] and STNP Q2, Q3, [R0, #32], which the assembler does not know.
#define STNP01 WORD $0xac000400
#define STNP23 WORD $0xac010c02

// func stream(dst, src []byte)
TEXT ·stream(SB), NOSPLIT, $0-48
	MOVD dst_base+0(FP), DST
	MOVD src_base+24(FP), SRC
	MOVD src_len+32(FP), LEFT
	PCALIGN $16

lines: // do {
	FLDPQ  (SRC), (F0, F1)   // copy 64 bytes
	FLDPQ  32(SRC), (F2, F3)
	STNP01
	STNP23
	ADD  $64, SRC
	ADD  $64, DST
	SUBS $64, LEFT
	BNE  lines               // } while LEFT > 0
	RET

// func Fence()
TEXT ·Fence(SB), NOSPLIT, $0-0
	DMB $0xa                 // ISHST: stores before stores
	RET
