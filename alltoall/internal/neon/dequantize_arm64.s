//go:build !purego

#include "textflag.h"

#define DST    R0 // &dst[0] of what is next
#define SRC    R1 // &src[0] of what is next
#define SCALES R2 // &scales[0] of the block
#define END    R3 // &dst[len(dst)]
#define BITS   R4 // of the scale
#define BAD    R5 // a code or the scale is not a number
#define TMP    R6

#define C0 V0 // 64 codes
#define C1 V1
#define C2 V2
#define C3 V3
#define S V4 // a code without its sign
#define L V5 // lower bytes of 16 values
#define U V6 // upper bytes
#define W V7 // 8 of the values
#define E V16 // the even ones of them
#define X V17

#define SCALE  V18
#define N      V19 // which codes are NaN
#define ZERO   V20 // -0, to which adding +0 and -0 is different
#define UPPER  V21 // the upper half of each word
#define UNIT   V22 // halves 1: the last place that is kept
#define OVER   V23 // halves 0x8001: more than half of that place
#define CODE   V24 // bytes 0x7f: a code without its sign, or NaN
#define UPPERS V25 // table of upper bytes
#define SMALLL V26 // table of bits to change in lower bytes of small ones ...
#define SMALLU V27 // ... and in upper bytes
#define ABS    V28 // halves 0x7fff
#define ANAN   V29 // halves 0x7f81: the least NaN
#define NAN    V30 // halves 0x7fc0

#define SPLAT(bits, v) MOVD $bits, TMP; VDUP TMP, v

#define TABLE(low, high, v) \
	MOVD $low, TMP   \
	VMOV TMP, v.D[0] \
	MOVD $high, TMP  \
	VMOV TMP, v.D[1]

// dst = the 8 values in W, times SCALE, rounded as in sum.
#define STORE \
	VSHL  $16, W.S4, S.S4           \ /* S = even values as FP32 */
	VAND  UPPER.B16, W.B16, X.B16   \ /* X = odd values as FP32 */
	VORR  ZERO.B16, ZERO.B16, E.B16 \ /* E, W = -0 + SCALE * values */
	VORR  ZERO.B16, ZERO.B16, W.B16 \
	VFMLA SCALE.S4, S.S4, E.S4      \
	VFMLA SCALE.S4, X.S4, W.S4      \
	VORR  E.B16, E.B16, X.B16       \ /* X = lower halves */
	VSLI  $16, W.S4, X.S4           \
	VSRI  $16, E.S4, W.S4           \ /* W = upper halves */
	VAND  UNIT.B16, W.B16, E.B16    \ /* X |= W & 1, so that a tie goes up if W is odd */
	VORR  E.B16, X.B16, X.B16       \
	VUMAX OVER.H8, X.H8, E.H8       \ /* if X > 0x8000 { W++ } */
	VCMEQ E.H8, X.H8, E.H8          \
	VSUB  E.H8, W.H8, W.H8          \
	VST1.P [W.B16], 16(DST)

// dst = the 16 codes in c, by way of BF16 as in avx512; N |= which are NaN.
#define DEQUANTIZE(c) \
	VAND  CODE.B16, c.B16, S.B16      \
	VCMEQ CODE.B16, S.B16, X.B16      \
	VORR  X.B16, N.B16, N.B16         \
	VSHL  $4, c.B16, L.B16            \ /* L = emmm0000 */
	VUSHR $4, c.B16, U.B16            \ /* U = what seee makes */
	VTBL  U.B16, [UPPERS.B16], U.B16  \
	VORR  X.B16, U.B16, U.B16         \
	VTBL  S.B16, [SMALLL.B16], X.B16  \ /* put small ones right; from 16 on tables give 0 */
	VTBL  S.B16, [SMALLU.B16], S.B16  \
	VEOR  X.B16, L.B16, L.B16         \
	VEOR  S.B16, U.B16, U.B16         \
	VZIP1 U.B16, L.B16, W.B16         \
	STORE                             \
	VZIP2 U.B16, L.B16, W.B16         \
	STORE

// if v & 0x7fff > 0x7f80 { v = 0x7fc0 }
#define FIX(v) \
	VAND  ABS.B16, v.B16, X.B16    \
	VUMAX ANAN.H8, X.H8, E.H8      \
	VCMEQ E.H8, X.H8, E.H8         \
	VBIT  E.B16, NAN.B16, v.B16

#define PATCH \
	VLD1 (DST), [V0.B16, V1.B16, V2.B16, V3.B16] \
	FIX(V0)                                      \
	FIX(V1)                                      \
	FIX(V2)                                      \
	FIX(V3)                                      \
	VST1.P [V0.B16, V1.B16, V2.B16, V3.B16], 64(DST)

// func dequantize(dst, src, scales []byte)
TEXT ·dequantize(SB), NOSPLIT, $0-72
	MOVD dst_base+0(FP), DST
	MOVD dst_len+8(FP), END
	MOVD src_base+24(FP), SRC
	MOVD scales_base+48(FP), SCALES
	ADD  DST, END
	SPLAT(0x80000000, ZERO.S4)
	SPLAT(0xffff0000, UPPER.S4)
	SPLAT(0x0001, UNIT.H8)
	SPLAT(0x8001, OVER.H8)
	SPLAT(0x7f, CODE.B16)
	SPLAT(0x7fff, ABS.H8)
	SPLAT(0x7f81, ANAN.H8)
	SPLAT(0x7fc0, NAN.H8)
	TABLE(0x43424140_3f3e3d3c, 0xc3c2c1c0_bfbebdbc, UPPERS)
	TABLE(0x10207040_f0a01000, 0, SMALLL)
	TABLE(0x00000000_0707073c, 0, SMALLU)

block: // do {
	MOVWU.P 4(SCALES), BITS
	MOVD    ZR, BAD
	VEOR    N.B16, N.B16, N.B16
	AND     $0x7fffffff, BITS, TMP     // if the scale is not a number { goto bad }
	MOVD    $0x7f800000, R7
	CMP     R7, TMP
	BHS     bad

scale:
	VDUP   BITS, SCALE.S4
	VLD1.P 64(SRC), [C0.B16, C1.B16, C2.B16, C3.B16]
	DEQUANTIZE(C0)
	DEQUANTIZE(C1)
	DEQUANTIZE(C2)
	DEQUANTIZE(C3)
	VLD1.P 64(SRC), [C0.B16, C1.B16, C2.B16, C3.B16]
	DEQUANTIZE(C0)
	DEQUANTIZE(C1)
	DEQUANTIZE(C2)
	DEQUANTIZE(C3)
	VMOV   N.D[0], TMP                 // if N or BAD { goto patch }
	ORR    TMP, BAD
	VMOV   N.D[1], TMP
	ORR    TMP, BAD
	CBNZ   BAD, patch

next:
	CMP DST, END
	BNE block                          // } while DST != END
	RET

bad: // a NaN whose lower half is 0 is not rounded to anything else
	MOVD $1, BAD
	BEQ  scale
	MOVD $0x7fc00000, BITS
	B    scale

patch: // NaNs, of which there are several
	SUB $256, DST
	PATCH
	PATCH
	PATCH
	PATCH
	B   next
