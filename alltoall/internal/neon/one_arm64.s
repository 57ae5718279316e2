//go:build !purego

#include "textflag.h"

#define DST R0 // &dst[0]
#define END R2 // &dst[len(dst)]
#define ROW R3 // &row[0]
#define TMP R7

#define SIGN V27 // halves 0x8000: -0
#define ABS  V28 // halves 0x7fff
#define ANAN V29 // halves 0x7f81: the least NaN
#define NAN  V30 // halves 0x7fc0

#define X V20

#define SPLAT(bits, v) MOVD $bits, TMP; VDUP TMP, v

// 8 values; w is scratch.
#define FIX(v, w) \
	VAND  ABS.B16, v.B16, X.B16        \ /* X = |v| > inf */
	VUMAX ANAN.H8, X.H8, w.H8          \
	VCMEQ w.H8, X.H8, X.H8             \
	VCMEQ SIGN.H8, v.H8, w.H8          \ /* if v == -0 { v = 0 } */
	VAND  SIGN.B16, w.B16, w.B16       \
	VEOR  w.B16, v.B16, v.B16          \
	VBIT  X.B16, NAN.B16, v.B16          /* if X { v = 0x7fc0 } */

// func one(dst, row []byte)
TEXT ·one(SB), NOSPLIT, $0-48
	MOVD dst_base+0(FP), DST
	MOVD dst_len+8(FP), END
	MOVD row_base+24(FP), ROW
	ADD  DST, END
	SPLAT(0x8000, SIGN.H8)
	SPLAT(0x7fff, ABS.H8)
	SPLAT(0x7f81, ANAN.H8)
	SPLAT(0x7fc0, NAN.H8)

block: // do {
	VLD1.P 64(ROW), [V0.B16, V1.B16, V2.B16, V3.B16]
	FIX(V0, V4)
	FIX(V1, V5)
	FIX(V2, V6)
	FIX(V3, V7)
	VST1.P [V0.B16, V1.B16, V2.B16, V3.B16], 64(DST)
	CMP    DST, END
	BNE    block                       // } while DST != END
	RET
