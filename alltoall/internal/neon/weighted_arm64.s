//go:build !purego

#include "textflag.h"

#define DST     R0 // &dst[COL]
#define COL     R1 // byte offset of the block, in dst and in every row
#define END     R2 // len(dst)
#define ROWS    R3 // &rows[0]
#define LAST    R4 // &rows[len(rows)]
#define HEAD    R5 // slice header of the row
#define ROW     R6 // &row[COL]
#define TMP     R7
#define WEIGHTS R8 // &weights[0]
#define WEIGHT  R9 // weight of the row

// Sums of the even and of the odd values of the block's four times 16 bytes.
#define E0 V0
#define O0 V1
#define E1 V2
#define O1 V3
#define E2 V4
#define O2 V5
#define E3 V6
#define O3 V7

#define X V20
#define Y V21
#define W V22 // the weight

#define UPPER V24 // the upper half of each word
#define ONE   V25 // 1.0
#define UNIT  V26 // halves 1: the last place that is kept
#define OVER  V27 // halves 0x8001: more than half of that place
#define ABS   V28 // halves 0x7fff
#define ANAN  V29 // halves 0x7f81: the least NaN
#define NAN   V30 // halves 0x7fc0

#define SPLAT(bits, v) MOVD $bits, TMP; VDUP TMP, v

// Go's assembler has no name for the product of vectors.
#define MULX WORD $0x6e36de94 // FMUL V20.4S, V20.4S, V22.4S
#define MULY WORD $0x6e36deb5 // FMUL V21.4S, V21.4S, V22.4S

// e, o += the even and the odd ones of the 8 values in v, times W.
#define ACC(v, e, o) \
	VSHL  $16, v.S4, X.S4              \ /* X = even values as FP32 */
	VAND  UPPER.B16, v.B16, Y.B16      \ /* Y = odd values as FP32 */
	MULX                               \ /* X *= W, rounded */
	MULY                               \ /* Y *= W, rounded */
	VFMLA ONE.S4, X.S4, e.S4           \ /* sums += 1 * products */
	VFMLA ONE.S4, Y.S4, o.S4

// o = e and o, rounded and back in order. A NaN from a weight has all its bits, and
// o++ could carry out of it, so NaNs are found before; all are quiet by now.
#define ROUND(e, o) \
	VORR  e.B16, e.B16, X.B16          \ /* X = lower halves */
	VSLI  $16, o.S4, X.S4              \
	VSRI  $16, e.S4, o.S4              \ /* o = upper halves */
	VAND  ABS.B16, o.B16, Y.B16        \ /* Y = o & 0x7fff > 0x7f80 */
	VUMAX ANAN.H8, Y.H8, e.H8          \
	VCMEQ e.H8, Y.H8, Y.H8             \
	VAND  UNIT.B16, o.B16, e.B16       \ /* X |= o & 1, so that a tie goes up if o is odd */
	VORR  e.B16, X.B16, X.B16          \
	VUMAX OVER.H8, X.H8, e.H8          \ /* if X > 0x8000 { o++ } */
	VCMEQ e.H8, X.H8, e.H8             \
	VSUB  e.H8, o.H8, o.H8             \
	VBIT  Y.B16, NAN.B16, o.B16          /* if Y { o = 0x7fc0 } */

// func weighted(dst []byte, rows [][]byte, weights []float32, from int)
TEXT ·weighted(SB), NOSPLIT, $0-80
	MOVD dst_base+0(FP), DST
	MOVD dst_len+8(FP), END
	MOVD rows_base+24(FP), ROWS
	MOVD rows_len+32(FP), LAST
	MOVD weights_base+48(FP), WEIGHTS
	MOVD from+72(FP), COL
	ADD  COL, DST
	ADD  LAST<<1, LAST, LAST           // LAST = ROWS + 24*len(rows)
	ADD  LAST<<3, ROWS, LAST
	SPLAT(0xffff0000, UPPER.S4)
	SPLAT(0x3f800000, ONE.S4)
	SPLAT(0x0001, UNIT.H8)
	SPLAT(0x8001, OVER.H8)
	SPLAT(0x7fff, ABS.H8)
	SPLAT(0x7f81, ANAN.H8)
	SPLAT(0x7fc0, NAN.H8)

block: // do {
	VEOR E0.B16, E0.B16, E0.B16; VEOR O0.B16, O0.B16, O0.B16 // sums = +0
	VEOR E1.B16, E1.B16, E1.B16; VEOR O1.B16, O1.B16, O1.B16
	VEOR E2.B16, E2.B16, E2.B16; VEOR O2.B16, O2.B16, O2.B16
	VEOR E3.B16, E3.B16, E3.B16; VEOR O3.B16, O3.B16, O3.B16
	MOVD ROWS, HEAD
	MOVD WEIGHTS, WEIGHT

row: // do {
	MOVD    (HEAD), ROW                // ROW = &row[COL]
	ADD     COL, ROW
	VLD1R.P 4(WEIGHT), [W.S4]
	VLD1    (ROW), [V16.B16, V17.B16, V18.B16, V19.B16]
	ACC(V16, E0, O0)
	ACC(V17, E1, O1)
	ACC(V18, E2, O2)
	ACC(V19, E3, O3)
	ADD     $24, HEAD
	CMP     HEAD, LAST
	BNE     row                        // } while HEAD != LAST

	ROUND(E0, O0)
	ROUND(E1, O1)
	ROUND(E2, O2)
	ROUND(E3, O3)
	VST1.P [O0.B16], 16(DST)
	VST1.P [O1.B16], 16(DST)
	VST1.P [O2.B16], 16(DST)
	VST1.P [O3.B16], 16(DST)
	ADD  $64, COL
	CMP  COL, END
	BNE  block                         // } while COL != END
	RET
