//go:build !purego

#include "textflag.h"

#define DST    DI  // &dst[0] of the block
#define SRC    SI  // &src[0]
#define SCALES R8  // &scales[0]
#define END    R9  // &dst[len(dst)]
#define BAD    R10 // the scale is not a number

#define C  Z0 // 64 codes
#define S  Z1 // their index in the tables for small ones
#define L  Z2 // lower bytes of their values; then the first 32 values ...
#define U  Z3 // upper bytes
#define W  Z4 // ... and the other 32
#define E  Z5 // the even ones of 32 values
#define O  Z6 // the odd ones
#define T  Z7 // what to change; then upper halves

#define SCALE  Z15
#define UPPER  Z16 // the upper half of each dword
#define HALF   Z17 // words 0x8000: half of the last place that is kept
#define UNIT   Z18 // words 1: the last place that is kept
#define ABS    Z19 // words 0x7fff
#define INF    Z20 // words 0x7f80
#define NAN    Z21 // words 0x7fc0
#define CODE   Z22 // bytes 0x7f: a code without its sign, or NaN
#define LIFT   Z23 // bytes 0x70
#define NIBBLE Z24 // bytes 0x0f
#define HIGH   Z25 // bytes 0xf0
#define UPPERS Z26 // table of upper bytes
#define SMALLL Z27 // table of bits to change in lower bytes of small ones ...
#define SMALLU Z28 // ... and in upper bytes
#define ONES   Z29
#define ORDER  Z30 // where 8 codes come from, to be in order after unpacking
#define ODD    K1  // the odd words

#define SPLAT(bits, z) MOVL $bits, AX; VPBROADCASTD AX, z

// The table, of 16 bytes, is there once for each 16 codes.
#define TABLE(low, high, z) \
	MOVQ       $low, AX         \
	MOVQ       $high, CX        \
	VMOVQ      AX, X0           \
	VPINSRQ    $1, CX, X0, X0   \
	VSHUFI64X2 $0, Z0, Z0, z

// L, W = the 64 codes at offset at as BF16; nans = those that are NaN.
//
// A code is seeeemmm, and its exponent in BF16 is 120 more: the lower byte is
// emmm0000, and the upper one depends on seee. That is wrong only for the codes
// from 0 to 7, which start from 0 and not from a power of two; tables have the bits
// to change.
#define DECODE(at, nans) \
	VPERMQ     at(SRC), ORDER, C   \
	VPANDD     CODE, C, S          \
	VPCMPEQB   CODE, S, nans       \
	VPADDUSB   LIFT, S, S          \ /* from 0x80 on, where tables give 0, unless the code is small */
	VPSHUFB    S, SMALLL, T        \
	VPSHUFB    S, SMALLU, S        \
	VPSLLW     $4, C, L            \ /* L = emmm0000 */
	VPSRLW     $4, C, U            \ /* U = what seee makes */
	VPANDD     NIBBLE, U, U        \
	VPSHUFB    U, UPPERS, U        \
	VPTERNLOGD $0x6a, T, HIGH, L   \ /* L = L & 0xf0 ^ T */
	VPXORD     S, U, U             \
	VMOVDQU8   ONES, nans, U       \
	VPUNPCKHBW U, L, W             \
	VPUNPCKLBW U, L, L

// dst[at] = the 32 values in v, times SCALE, rounded as in sum.
#define STORE(at, v) \
	VPSLLD     $16, v, E         \
	VPANDD     UPPER, v, O       \
	VMULPS     SCALE, E, E       \
	VMULPS     SCALE, O, O       \
	VPSRLD     $16, E, T         \ /* T = upper halves */
	VMOVDQU16  O, ODD, T         \
	VPSLLD     $16, O, O         \ /* E = lower halves */
	VMOVDQU16  O, ODD, E         \
	VPTERNLOGD $0xf8, UNIT, T, E \ /* E |= T & 1, so that a tie goes up if T is odd */
	VPCMPUW    $6, HALF, E, K4   \ /* if E > 0x8000 { T++ } */
	VPADDW     UNIT, T, K4, T    \
	VMOVDQU64  T, at(DST)

// if dst[at] & 0x7fff > 0x7f80 { dst[at] = 0x7fc0 }, 32 times.
#define PATCH(at) \
	VPANDD    at(DST), ABS, T  \
	VPCMPUW   $6, INF, T, K2   \
	VMOVDQU16 NAN, K2, at(DST)

// func dequantize(dst, src, scales []byte)
TEXT ·dequantize(SB), NOSPLIT, $0-72
	MOVQ  dst_base+0(FP), DST
	MOVQ  dst_len+8(FP), END
	MOVQ  src_base+24(FP), SRC
	MOVQ  scales_base+48(FP), SCALES
	ADDQ  DST, END
	SPLAT(0xffff0000, UPPER)
	SPLAT(0x80008000, HALF)
	SPLAT(0x00010001, UNIT)
	SPLAT(0x7fff7fff, ABS)
	SPLAT(0x7f807f80, INF)
	SPLAT(0x7fc07fc0, NAN)
	SPLAT(0x7f7f7f7f, CODE)
	SPLAT(0x70707070, LIFT)
	SPLAT(0x0f0f0f0f, NIBBLE)
	SPLAT(0xf0f0f0f0, HIGH)
	SPLAT(0xffffffff, ONES)
	TABLE(0x43424140_3f3e3d3c, 0xc3c2c1c0_bfbebdbc, UPPERS)
	TABLE(0x10207040_f0a01000, 0, SMALLL)
	TABLE(0x00000000_0707073c, 0, SMALLU)
	MOVQ  $0x0703060205010400, AX
	VMOVQ AX, X0
	VPMOVZXBQ X0, ORDER
	MOVL  $0xaaaaaaaa, AX
	KMOVD AX, ODD

block: // do {
	PREFETCHT0 2048(SRC)          // ask for what comes in about the time of a miss
	PREFETCHT0 2112(SRC)
	MOVL       (SCALES), AX
	XORL       BAD, BAD
	MOVL       AX, CX             // if the scale is not a number { goto bad }
	ANDL       $0x7fffffff, CX
	CMPL       CX, $0x7f800000
	JAE        bad

scale:
	VPBROADCASTD AX, SCALE
	DECODE(0, K2)
	STORE(0, L)
	STORE(64, W)
	DECODE(64, K3)
	STORE(128, L)
	STORE(192, W)
	KORTESTQ     K2, K3           // if any NaN, or may be { goto patch }
	JNE          patch
	TESTL        BAD, BAD
	JNE          patch

next:
	ADDQ $4, SCALES
	ADDQ $128, SRC
	ADDQ $256, DST
	CMPQ DST, END
	JNE  block                    // } while DST != END
	VZEROUPPER
	RET

bad: // a NaN whose lower half is 0 is not rounded to anything else
	MOVL    $1, BAD
	MOVL    $0x7fc00000, DX
	CMPL    CX, $0x7f800000
	CMOVLHI DX, AX
	JMP     scale

patch:
	PATCH(0)
	PATCH(64)
	PATCH(128)
	PATCH(192)
	JMP next
