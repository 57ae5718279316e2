//go:build !purego

#include "textflag.h"

#define DST    DI  // &dst[0] of the block
#define SRC    SI  // &src[0] of the block
#define SCALES R8  // &scales[0] of the block
#define END    R9  // &dst[len(dst)]
#define POWERS R10 // powerOfTwo
#define BAD    R11 // not all values are numbers

#define E0 Y0 // the even ones of 16 values, then the codes of all of them
#define E1 Y1
#define O  Y2 // the odd ones
#define P  Y3
#define Q  Y4

#define M     Y0 // the largest values, 32 bytes of them, ...
#define AMAX  X0 // ... and one
#define N     Y1
#define NX    X1
#define SCALE X2
#define INVX  X5

#define INV   Y5
#define EXP   Y6  // 0x7f800000: the power of two in an FP32
#define UPPER Y7  // the upper half of each dword
#define ABS   Y8  // words 0x7fff
#define INF   Y9  // words 0x7f80
#define POWER Y10 // 2^-6
#define MAGIC Y11 // 2^20 + 8051, as in pure
#define SIGN  Y12 // bytes 0x80
#define LEAST X13 // 1e-4
#define MAX   X14 // 448
#define FLIP  X15 // all bits

#define SPLAT(bits, x, y) MOVL $bits, AX; VMOVD AX, x; VPBROADCASTD x, y

// m = max(m, the 16 values at offset at); v is scratch.
#define LARGEST(at, v, m) \
	VPAND   at(SRC), ABS, v \ /* without signs they are in order as integers */
	VPMAXUW v, m, m

// M = max(M, the numbers among the 16 values at offset at)
#define NUMBERS(at) \
	VPAND    at(SRC), ABS, P \
	VPCMPGTW P, INF, Q       \
	VPAND    Q, P, P         \
	VPMAXUW  P, M, M

// e = the codes of the 16 values at offset at.
#define CODE(at, e) \
	VPAND       at(SRC), ABS, O   \
	VPSLLD      $16, O, e         \ /* e = even values as FP32 */
	VPAND       UPPER, O, O       \ /* O = odd values as FP32 */
	VMULPS      INV, e, e         \
	VMULPS      INV, O, O         \
	VPAND       EXP, e, P         \ /* P, Q = the power of two in each, at least 2^-6 */
	VPAND       EXP, O, Q         \
	VPMAXUD     POWER, P, P       \
	VPMAXUD     POWER, Q, Q       \
	VFMADD231PS MAGIC, P, e       \ /* e, O += power * magic: rounded here */
	VFMADD231PS MAGIC, Q, O       \
	VPSRLD      $20, e, P         \ /* the codes are the lower halves of e + e>>20 ... */
	VPSRLD      $20, O, Q         \
	VPADDD      P, e, e           \
	VPADDD      Q, O, O           \
	VPSLLD      $16, O, O         \ /* ... and of O + O>>20 */
	VPBLENDW    $0xaa, O, e, e

// dst[at] = the codes of 32 values.
#define QUANTIZE(at) \
	CODE(2*at, E0)                  \
	CODE(2*at+32, E1)               \
	VMOVDQU   (2*at)(SRC), P        \
	VPACKSSWB (2*at+32)(SRC), P, P  \ /* P = bytes with the signs */
	VPAND     SIGN, P, P            \
	VPACKUSWB E1, E0, E0            \
	VPOR      P, E0, E0             \
	VPERMQ    $0xd8, E0, E0         \
	VMOVDQU   E0, at(DST)

// dst[at] = 448 with its sign or NaN, where one of 32 values is not a number. The
// constants are where others were.
#define MAXES Y5  // bytes 0x7e: 448
#define NANS  Y13 // bytes 0x7f
#define PATCH(at) \
	VPAND     (2*at)(SRC), ABS, E0    \
	VPAND     (2*at+32)(SRC), ABS, E1 \
	VPCMPGTW  INF, E0, P              \ /* P = NaNs */
	VPCMPGTW  INF, E1, Q              \
	VPACKSSWB Q, P, P                 \
	VPERMQ    $0xd8, P, P             \
	VPCMPEQW  INF, E0, E0             \ /* E0 = infinities */
	VPCMPEQW  INF, E1, E1             \
	VPACKSSWB E1, E0, E0              \
	VPERMQ    $0xd8, E0, E0           \
	VMOVDQU   (2*at)(SRC), Q          \
	VPACKSSWB (2*at+32)(SRC), Q, Q    \ /* Q = 448 with the signs */
	VPERMQ    $0xd8, Q, Q             \
	VPAND     SIGN, Q, Q              \
	VPOR      MAXES, Q, Q             \
	VMOVDQU   at(DST), O              \
	VPBLENDVB E0, Q, O, O             \
	VPBLENDVB P, NANS, O, O           \
	VMOVDQU   O, at(DST)

// func quantize(dst, scales, src []byte, powerOfTwo bool)
TEXT ·quantize(SB), NOSPLIT, $0-73
	MOVQ     dst_base+0(FP), DST
	MOVQ     dst_len+8(FP), END
	MOVQ     scales_base+24(FP), SCALES
	MOVQ     src_base+48(FP), SRC
	MOVBLZX  powerOfTwo+72(FP), POWERS
	ADDQ     DST, END
	SPLAT(0x7f800000, X6, EXP)
	SPLAT(0xffff0000, X7, UPPER)
	SPLAT(0x7fff7fff, X8, ABS)
	SPLAT(0x7f807f80, X9, INF)
	SPLAT(0x3c800000, X10, POWER)
	SPLAT(0x4980fb98, X11, MAGIC)
	SPLAT(0x80808080, X12, SIGN)
	MOVL     $0x43e00000, AX
	VMOVD    AX, MAX
	VPCMPEQD FLIP, FLIP, FLIP
	MOVL     $0x38d1b717, DX
	VMOVD    DX, LEAST

block: // do {
	PREFETCHT0 2048(SRC)         // ask for what comes in about the time of a miss
	PREFETCHT0 2112(SRC)
	PREFETCHT0 2176(SRC)
	PREFETCHT0 2240(SRC)
	VPAND      (SRC), ABS, M
	VPAND      32(SRC), ABS, N
	LARGEST(64, P, M)
	LARGEST(96, Q, N)
	LARGEST(128, P, M)
	LARGEST(160, Q, N)
	LARGEST(192, P, M)
	LARGEST(224, Q, N)
	VPMAXUW    N, M, M
	XORL       BAD, BAD

amax:
	VEXTRACTI128 $1, M, NX         // AMAX = the largest word of M, as FP32
	VPMAXUW      NX, AMAX, AMAX
	VPXOR        FLIP, AMAX, AMAX
	VPHMINPOSUW  AMAX, AMAX
	VPXOR        FLIP, AMAX, AMAX
	VPSLLD       $16, AMAX, AMAX
	VMOVD        AMAX, AX
	CMPL         AX, $0x7f800000   // if AMAX is not a number { goto bad }
	JAE          bad
	VMAXSS       LEAST, AMAX, AMAX
	VDIVSS       MAX, AMAX, SCALE  // SCALE = AMAX / 448
	TESTL        POWERS, POWERS
	JNE          power
	VDIVSS       AMAX, MAX, INVX   // INV = 448 / AMAX

scaled:
	VMOVSS       SCALE, (SCALES)
	VBROADCASTSS INVX, INV
	QUANTIZE(0)
	QUANTIZE(32)
	QUANTIZE(64)
	QUANTIZE(96)
	TESTL        BAD, BAD
	JNE          patch

next:
	ADDQ $256, SRC
	ADDQ $4, SCALES
	ADDQ $128, DST
	CMPQ DST, END
	JNE  block                     // } while DST != END
	VZEROUPPER
	RET

power:
	VMOVD SCALE, AX                // SCALE = the least power of two that is not less
	ADDL  $0x7fffff, AX
	ANDL  $0x7f800000, AX
	VMOVD AX, SCALE
	NEGL  AX                       // INV = 1 / SCALE
	ADDL  $0x7f000000, AX
	VMOVD AX, INVX
	JMP   scaled

bad:
	MOVL  $1, BAD
	VPXOR M, M, M
	NUMBERS(0)
	NUMBERS(32)
	NUMBERS(64)
	NUMBERS(96)
	NUMBERS(128)
	NUMBERS(160)
	NUMBERS(192)
	NUMBERS(224)
	JMP   amax

patch: // infinities and NaNs
	SPLAT(0x7e7e7e7e, X5, MAXES)
	SPLAT(0x7f7f7f7f, X13, NANS)
	PATCH(0)
	PATCH(32)
	PATCH(64)
	PATCH(96)
	VMOVD DX, LEAST
	JMP   next
