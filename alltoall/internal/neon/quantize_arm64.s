//go:build !purego

#include "textflag.h"

#define DST    R0 // &dst[0] of what is next
#define SRC    R1 // &src[0] of what is next
#define SCALES R2 // &scales[0] of the block
#define END    R3 // &dst[len(dst)]
#define POWERS R4 // powerOfTwo
#define BAD    R5 // not all values are numbers
#define TMP    R6
#define AMAX   R7

#define X0 V0 // 32 values
#define X1 V1
#define X2 V2
#define X3 V3
#define E0 V4 // the even ones of 8 values, then the codes of all of them
#define E1 V5
#define O  V6 // the odd ones
#define Y  V7
#define Z  V16
#define M  V17 // the largest values

#define INV   V18
#define EXP   V19 // 0x7f800000: the power of two in an FP32
#define UPPER V20 // the upper half of each word
#define ABS   V21 // halves 0x7fff
#define INF   V22 // halves 0x7f80
#define ANAN  V23 // halves 0x7f81: the least NaN
#define POWER V24 // 2^-6
#define MAGIC V25 // 2^20 + 8051, as in pure
#define SIGN  V26 // bytes 0x80
#define NANS  V27 // bytes 0x7f
#define MAXES V28 // bytes 0x7e: 448

#define FMAX   F29 // 448
#define FLEAST F30 // 1e-4
#define FAMAX  F4
#define FSCALE F5
#define FINV   F18

#define SPLAT(bits, v) MOVD $bits, TMP; VDUP TMP, v

#define LOAD VLD1.P 64(SRC), [X0.B16, X1.B16, X2.B16, X3.B16]

// M = max(M, the values in v)
#define LARGEST(v) \
	VAND  ABS.B16, v.B16, v.B16 \ /* without signs they are in order as integers */
	VUMAX v.H8, M.H8, M.H8

// M = max(M, the numbers in v)
#define NUMBERS(v) \
	VAND  ABS.B16, v.B16, v.B16 \
	VUMAX INF.H8, v.H8, Y.H8    \ /* if v >= INF { v = 0 } */
	VCMEQ Y.H8, v.H8, Y.H8      \
	VEOR  Z.B16, Z.B16, Z.B16   \
	VBIT  Y.B16, Z.B16, v.B16   \
	VUMAX v.H8, M.H8, M.H8

// e = the codes of the 8 values in v, each in the lower half of a half.
#define CODE(v, e) \
	VAND  ABS.B16, v.B16, Z.B16    \
	VSHL  $16, Z.S4, Y.S4          \ /* Y = even values as FP32 */
	VAND  UPPER.B16, Z.B16, Z.B16  \ /* Z = odd values as FP32 */
	VEOR  e.B16, e.B16, e.B16      \ /* e, O = 0 + INV * values */
	VEOR  O.B16, O.B16, O.B16      \
	VFMLA INV.S4, Y.S4, e.S4       \
	VFMLA INV.S4, Z.S4, O.S4       \
	VAND  EXP.B16, e.B16, Y.B16    \ /* Y, Z = the power of two in each, at least 2^-6 */
	VAND  EXP.B16, O.B16, Z.B16    \
	VUMAX POWER.S4, Y.S4, Y.S4     \
	VUMAX POWER.S4, Z.S4, Z.S4     \
	VFMLA MAGIC.S4, Y.S4, e.S4     \ /* e, O += power * magic: rounded here */
	VFMLA MAGIC.S4, Z.S4, O.S4     \
	VUSRA $20, e.S4, e.S4          \ /* the codes are the low bytes of e + e>>20 ... */
	VUSRA $20, O.S4, O.S4          \ /* ... and of O + O>>20 */
	VSLI  $16, O.S4, e.S4

// dst = the codes of the 16 values in x0 and x1.
#define QUANTIZE(x0, x1) \
	CODE(x0, E0)                     \
	CODE(x1, E1)                     \
	VUZP1 E1.B16, E0.B16, E0.B16     \ /* low bytes */
	VUZP2 x1.B16, x0.B16, Y.B16      \ /* high bytes, with the signs */
	VBIT  SIGN.B16, Y.B16, E0.B16    \
	VST1.P [E0.B16], 16(DST)

// dst = 448 with its sign or NaN, where one of 16 values is not a number.
#define PATCH(x0, x1) \
	VLD1  (DST), [M.B16]             \
	VUZP2 x1.B16, x0.B16, Z.B16      \ /* Z = 448 with the signs */
	VBIF  SIGN.B16, MAXES.B16, Z.B16 \
	VAND  ABS.B16, x0.B16, x0.B16    \
	VAND  ABS.B16, x1.B16, x1.B16    \
	VCMEQ INF.H8, x0.H8, E0.H8       \ /* infinities */
	VCMEQ INF.H8, x1.H8, E1.H8       \
	VUZP1 E1.B16, E0.B16, E0.B16     \
	VBIT  E0.B16, Z.B16, M.B16       \
	VUMAX ANAN.H8, x0.H8, E0.H8      \ /* NaNs */
	VUMAX ANAN.H8, x1.H8, E1.H8      \
	VCMEQ E0.H8, x0.H8, E0.H8        \
	VCMEQ E1.H8, x1.H8, E1.H8        \
	VUZP1 E1.B16, E0.B16, E0.B16     \
	VBIT  E0.B16, NANS.B16, M.B16    \
	VST1.P [M.B16], 16(DST)

// func quantize(dst, scales, src []byte, powerOfTwo bool)
TEXT ·quantize(SB), NOSPLIT, $0-73
	MOVD  dst_base+0(FP), DST
	MOVD  dst_len+8(FP), END
	MOVD  scales_base+24(FP), SCALES
	MOVD  src_base+48(FP), SRC
	MOVBU powerOfTwo+72(FP), POWERS
	ADD   DST, END
	SPLAT(0x7f800000, EXP.S4)
	SPLAT(0xffff0000, UPPER.S4)
	SPLAT(0x7fff, ABS.H8)
	SPLAT(0x7f80, INF.H8)
	SPLAT(0x7f81, ANAN.H8)
	SPLAT(0x3c800000, POWER.S4)
	SPLAT(0x4980fb98, MAGIC.S4)
	SPLAT(0x80, SIGN.B16)
	SPLAT(0x7f, NANS.B16)
	SPLAT(0x7e, MAXES.B16)
	MOVW  $0x43e00000, TMP
	FMOVS TMP, FMAX
	MOVW  $0x38d1b717, TMP
	FMOVS TMP, FLEAST

block: // do {
	MOVD ZR, BAD
	VEOR M.B16, M.B16, M.B16
	LOAD
	LARGEST(X0); LARGEST(X1); LARGEST(X2); LARGEST(X3)
	LOAD
	LARGEST(X0); LARGEST(X1); LARGEST(X2); LARGEST(X3)
	LOAD
	LARGEST(X0); LARGEST(X1); LARGEST(X2); LARGEST(X3)
	LOAD
	LARGEST(X0); LARGEST(X1); LARGEST(X2); LARGEST(X3)

amax:
	SUB   $256, SRC
	VEXT  $8, M.B16, M.B16, Y.B16   // AMAX = the largest half of M
	VUMAX Y.H8, M.H8, M.H8
	VEXT  $4, M.B16, M.B16, Y.B16
	VUMAX Y.H8, M.H8, M.H8
	VEXT  $2, M.B16, M.B16, Y.B16
	VUMAX Y.H8, M.H8, M.H8
	VMOV  M.H[0], AMAX
	MOVD  $0x7f80, TMP              // if AMAX is not a number { goto bad }
	CMP   TMP, AMAX
	BHS   bad
	LSL   $16, AMAX
	FMOVS AMAX, FAMAX
	FMAXS FLEAST, FAMAX, FAMAX
	FDIVS FMAX, FAMAX, FSCALE       // SCALE = AMAX / 448
	FDIVS FAMAX, FMAX, FINV         // INV = 448 / AMAX
	CBNZ  POWERS, power

scaled:
	FMOVS  FSCALE, (SCALES)
	VDUP   INV.S[0], INV.S4
	LOAD
	QUANTIZE(X0, X1)
	QUANTIZE(X2, X3)
	LOAD
	QUANTIZE(X0, X1)
	QUANTIZE(X2, X3)
	LOAD
	QUANTIZE(X0, X1)
	QUANTIZE(X2, X3)
	LOAD
	QUANTIZE(X0, X1)
	QUANTIZE(X2, X3)
	CBNZ   BAD, patch

next:
	ADD $4, SCALES
	CMP DST, END
	BNE block                       // } while DST != END
	RET

power:
	FMOVS FSCALE, AMAX              // SCALE = the least power of two that is not less
	MOVW  $0x7fffff, TMP
	ADDW  TMP, AMAX
	ANDW  $0x7f800000, AMAX
	FMOVS AMAX, FSCALE
	MOVW  $0x7f000000, TMP          // INV = 1 / SCALE
	SUBW  AMAX, TMP
	FMOVS TMP, FINV
	B     scaled

bad:
	MOVD $1, BAD
	VEOR M.B16, M.B16, M.B16
	LOAD
	NUMBERS(X0); NUMBERS(X1); NUMBERS(X2); NUMBERS(X3)
	LOAD
	NUMBERS(X0); NUMBERS(X1); NUMBERS(X2); NUMBERS(X3)
	LOAD
	NUMBERS(X0); NUMBERS(X1); NUMBERS(X2); NUMBERS(X3)
	LOAD
	NUMBERS(X0); NUMBERS(X1); NUMBERS(X2); NUMBERS(X3)
	B    amax

patch: // infinities and NaNs
	SUB $256, SRC
	SUB $128, DST
	LOAD
	PATCH(X0, X1)
	PATCH(X2, X3)
	LOAD
	PATCH(X0, X1)
	PATCH(X2, X3)
	LOAD
	PATCH(X0, X1)
	PATCH(X2, X3)
	LOAD
	PATCH(X0, X1)
	PATCH(X2, X3)
	B   next
