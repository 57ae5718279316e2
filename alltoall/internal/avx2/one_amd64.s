//go:build !purego

#include "textflag.h"

#define DST DI // &dst[0]
#define ROW SI // &row[0]
#define END R8 // len(dst)
#define I   BX // byte offset

#define SIGN Y12 // words 0x8000: -0
#define ABS  Y13 // words 0x7fff
#define INF  Y14 // words 0x7f80
#define NAN  Y15 // words 0x7fc0

#define SPLAT(bits, x, y) MOVL $bits, AX; VMOVD AX, x; VPBROADCASTD x, y

// 16 values; v, a and b are scratch.
#define FIX(at, v, a, b) \
	VMOVDQU   at(ROW)(I*1), v \
	VPAND     ABS, v, a       \ /* a = |v| > inf */
	VPCMPGTW  INF, a, a       \
	VPCMPEQW  SIGN, v, b      \ /* b = v == -0 */
	VPANDN    v, b, v         \ /* if b { v = 0 } */
	VPBLENDVB a, NAN, v, v    \ /* if a { v = 0x7fc0 } */
	VMOVDQU   v, at(DST)(I*1)

// func one(dst, row []byte)
TEXT ·one(SB), NOSPLIT, $0-48
	MOVQ dst_base+0(FP), DST
	MOVQ dst_len+8(FP), END
	MOVQ row_base+24(FP), ROW
	SPLAT(0x80008000, X12, SIGN)
	SPLAT(0x7fff7fff, X13, ABS)
	SPLAT(0x7f807f80, X14, INF)
	SPLAT(0x7fc07fc0, X15, NAN)
	XORQ I, I
	PCALIGN $32

block: // do {
	PREFETCHT0 256(ROW)(I*1) // ask for the 64 values two blocks on
	PREFETCHT0 320(ROW)(I*1)
	FIX(0, Y0, Y1, Y2)
	FIX(32, Y3, Y4, Y5)
	FIX(64, Y0, Y1, Y2)
	FIX(96, Y3, Y4, Y5)
	ADDQ       $128, I
	CMPQ       I, END
	JNE        block         // } while I != END
	VZEROUPPER
	RET
