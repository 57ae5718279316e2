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
	MOVQ DST, HEAD
	NEGQ HEAD
	ANDQ $63, HEAD              // HEAD = -DST % 64
	JZ   aligned                // if HEAD > 0 {
	MOVQ $-1, AX
	BZHIQ HEAD, AX, AX          // as many bits as bytes
	KMOVQ AX, K1
	VMOVDQU8 (SRC), K1, Z0      // copy so many bytes
	VMOVDQU8 Z0, K1, (DST)
	ADDQ HEAD, SRC
	ADDQ HEAD, DST
	SUBQ HEAD, LEFT             // }

aligned:
	SUBQ $256, LEFT
	JL   lines
	PCALIGN $32

four: // for LEFT >= 256 {
	VMOVDQU64 (SRC), Z0         // copy 4 lines
	VMOVDQU64 64(SRC), Z1
	VMOVDQU64 128(SRC), Z2
	VMOVDQU64 192(SRC), Z3
	VMOVNTDQ  Z0, (DST)
	VMOVNTDQ  Z1, 64(DST)
	VMOVNTDQ  Z2, 128(DST)
	VMOVNTDQ  Z3, 192(DST)
	ADDQ $256, SRC
	ADDQ $256, DST
	SUBQ $256, LEFT
	JGE  four                   // }

lines:
	ADDQ $192, LEFT             // LEFT -= 64, from here on
	JL   rest

one: // for LEFT >= 64 {
	VMOVDQU64 (SRC), Z0         // copy a line
	VMOVNTDQ  Z0, (DST)
	ADDQ $64, SRC
	ADDQ $64, DST
	SUBQ $64, LEFT
	JGE  one                    // }

rest:
	ADDQ $64, LEFT
	JZ   done                   // if LEFT > 0 {
	MOVQ $-1, AX
	BZHIQ LEFT, AX, AX
	KMOVQ AX, K1
	VMOVDQU8 (SRC), K1, Z0      // copy so many bytes
	VMOVDQU8 Z0, K1, (DST)      // }

done:
	VZEROUPPER
	RET

// func Fence()
TEXT ·Fence(SB), NOSPLIT, $0-0
	SFENCE
	RET
