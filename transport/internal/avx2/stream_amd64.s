//go:build !purego

#include "textflag.h"

#define DST  DI // where to store next
#define SRC  SI // where to load next
#define LEFT BX // bytes left
#define HEAD CX // bytes before the first whole line of dst

// func stream(dst, src []byte)
TEXT ·stream(SB), NOSPLIT, $0-48
	MOVQ dst_base+0(FP), DST
	MOVQ src_base+24(FP), SRC
	MOVQ src_len+32(FP), LEFT
	VMOVDQU -32(SRC)(LEFT*1), Y5 // the last 32 bytes, for the end
	LEAQ    -32(DST)(LEFT*1), R8
	MOVQ DST, HEAD
	NEGQ HEAD
	ANDQ $31, HEAD              // HEAD = -DST % 32
	JZ   aligned                // if HEAD > 0 {
	VMOVDQU (SRC), Y0           // copy 32 bytes and go on after HEAD of them
	VMOVDQU Y0, (DST)
	ADDQ HEAD, SRC
	ADDQ HEAD, DST
	SUBQ HEAD, LEFT             // }

aligned:
	SUBQ $128, LEFT
	JL   lines
	PCALIGN $32

four: // for LEFT >= 128 {
	VMOVDQU  (SRC), Y0          // copy 4 x 32 bytes
	VMOVDQU  32(SRC), Y1
	VMOVDQU  64(SRC), Y2
	VMOVDQU  96(SRC), Y3
	VMOVNTDQ Y0, (DST)
	VMOVNTDQ Y1, 32(DST)
	VMOVNTDQ Y2, 64(DST)
	VMOVNTDQ Y3, 96(DST)
	ADDQ $128, SRC
	ADDQ $128, DST
	SUBQ $128, LEFT
	JGE  four                   // }

lines:
	ADDQ $96, LEFT              // LEFT -= 32, from here on
	JL   rest

one: // for LEFT >= 32 {
	VMOVDQU  (SRC), Y0          // copy 32 bytes
	VMOVNTDQ Y0, (DST)
	ADDQ $32, SRC
	ADDQ $32, DST
	SUBQ $32, LEFT
	JGE  one                    // }

rest:
	ADDQ $32, LEFT
	JZ   done                   // if LEFT > 0 {
	VMOVDQU Y5, (R8)            // copy the last 32 bytes, some of them again }

done:
	VZEROUPPER
	RET

// func Fence()
TEXT ·Fence(SB), NOSPLIT, $0-0
	SFENCE
	RET
