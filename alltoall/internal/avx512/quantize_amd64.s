//go:build !purego

#include "textflag.h"

#define DST    DI  // &dst[0] of the block
#define SRC    SI  // &src[0] of the block
#define SCALES R8  // &scales[0] of the block
#define END    R9  // &dst[len(dst)]
#define POWERS R10 // powerOfTwo
#define BAD    R11 // not all values are numbers

#define A0 Z0 // the block without signs
#define A1 Z1
#define A2 Z2
#define A3 Z3
#define E0 Z4 // the even ones of 32 values, then the codes of all of them
#define E1 Z5
#define O  Z6 // the odd ones
#define P  Z7
#define Q  Z8

#define M     Z4 // the largest values, 64 bytes of them, ...
#define MY    Y4 // ... 32 ...
#define AMAX  X4 // ... and one
#define N     Y5
#define NX    X5
#define SCALE X6
#define INVX  X7

#define LEAST X13 // 1e-4
#define MAX   X14 // 448
#define FLIP  X15 // all bits

#define INV    Z16
#define EXP    Z17 // 0x7f800000: the power of two in an FP32
#define UPPER  Z18 // the upper half of each dword
#define ABS    Z19 // words 0x7fff
#define INF    Z20 // words 0x7f80
#define NINF   Z21 // words 0xff80
#define POWER  Z22 // 2^-6
#define MAGIC  Z23 // 2^20 + 8051, as in pure
#define SIGN   Z24 // bytes 0x80
#define NANS   Z25 // bytes 0x7f
#define MAXES  Z26 // bytes 0x7e: 448
#define NMAXES Z27 // bytes 0xfe: -448
#define ORDER  Z28 // where 8 codes come from, to be in order after packing
#define ODD    K1  // the odd words

#define SPLAT(bits, z) MOVL $bits, AX; VPBROADCASTD AX, z

// e = the codes of the 32 values in a.
#define CODE(a, e) \
	VPSLLD      $16, a, e   \ /* e = even values as FP32 */
	VPANDD      UPPER, a, O \ /* O = odd values as FP32 */
	VMULPS      INV, e, e   \
	VMULPS      INV, O, O   \
	VPANDD      EXP, e, P   \ /* P, Q = the power of two in each, at least 2^-6 */
	VPANDD      EXP, O, Q   \
	VPMAXUD     POWER, P, P \
	VPMAXUD     POWER, Q, Q \
	VFMADD231PS MAGIC, P, e \ /* e, O += power * magic: rounded here */
	VFMADD231PS MAGIC, Q, O \
	VPSRLD      $20, e, P   \ /* the codes are the lower halves of e + e>>20 ... */
	VPSRLD      $20, O, Q   \
	VPADDD      P, e, e     \
	VPADDD      Q, O, O     \
	VPSLLD      $16, O, O   \ /* ... and of O + O>>20 */
	VMOVDQU16   O, ODD, e

// dst[at] = e0, e1 with signs: 64 codes.
#define STORE(at, e0, e1) \
	VMOVDQU64  (2*at)(SRC), P       \
	VPACKSSWB  (2*at+64)(SRC), P, P \ /* P = bytes with the signs */
	VPACKUSWB  e1, e0, e0           \
	VPTERNLOGD $0xf8, SIGN, P, e0   \ /* e0 |= P & 0x80 */
	VPERMQ     e0, ORDER, e0        \
	VMOVDQU64  e0, at(DST)

// M = max(M, the numbers in a)
#define NUMBERS(a) \
	VPCMPUW $1, INF, a, K2 \
	VPMAXUW a, M, K2, M

// dst[at] = code where v0, v1 is equal to what (how is $0) or more ($6): 64 codes.
#define PATCH(at, how, what, v0, v1, code) \
	VPCMPUW  how, what, v0, K2 \
	VPCMPUW  how, what, v1, K3 \
	KUNPCKDQ K2, K3, K2        \
	VMOVDQU8 code, K2, at(DST)

// func quantize(dst, scales, src []byte, powerOfTwo bool)
TEXT ·quantize(SB), NOSPLIT, $0-73
	MOVQ      dst_base+0(FP), DST
	MOVQ      dst_len+8(FP), END
	MOVQ      scales_base+24(FP), SCALES
	MOVQ      src_base+48(FP), SRC
	MOVBLZX   powerOfTwo+72(FP), POWERS
	ADDQ      DST, END
	MOVL      $0x38d1b717, AX
	VMOVD     AX, LEAST
	MOVL      $0x43e00000, AX
	VMOVD     AX, MAX
	VPCMPEQD  FLIP, FLIP, FLIP
	SPLAT(0x7f800000, EXP)
	SPLAT(0xffff0000, UPPER)
	SPLAT(0x7fff7fff, ABS)
	SPLAT(0x7f807f80, INF)
	SPLAT(0xff80ff80, NINF)
	SPLAT(0x3c800000, POWER)
	SPLAT(0x4980fb98, MAGIC)
	SPLAT(0x80808080, SIGN)
	SPLAT(0x7f7f7f7f, NANS)
	SPLAT(0x7e7e7e7e, MAXES)
	SPLAT(0xfefefefe, NMAXES)
	MOVQ      $0x0705030106040200, AX
	VMOVQ     AX, X0
	VPMOVZXBQ X0, ORDER
	MOVL      $0xaaaaaaaa, AX
	KMOVD     AX, ODD

block: // do {
	PREFETCHT0 2048(SRC)           // ask for what comes in about the time of a miss
	PREFETCHT0 2112(SRC)
	PREFETCHT0 2176(SRC)
	PREFETCHT0 2240(SRC)
	VPANDD     (SRC), ABS, A0
	VPANDD     64(SRC), ABS, A1
	VPANDD     128(SRC), ABS, A2
	VPANDD     192(SRC), ABS, A3
	VPMAXUW    A1, A0, M           // values without signs are in order as integers
	VPMAXUW    A3, A2, E1
	VPMAXUW    E1, M, M
	XORL       BAD, BAD

amax:
	VEXTRACTI64X4 $1, M, N         // AMAX = the largest word of M, as FP32
	VPMAXUW       N, MY, MY
	VEXTRACTI128  $1, MY, NX
	VPMAXUW       NX, AMAX, AMAX
	VPXOR         FLIP, AMAX, AMAX
	VPHMINPOSUW   AMAX, AMAX
	VPXOR         FLIP, AMAX, AMAX
	VPSLLD        $16, AMAX, AMAX
	VMOVD         AMAX, AX
	CMPL          AX, $0x7f800000  // if AMAX is not a number { goto bad }
	JAE           bad
	VMAXSS        LEAST, AMAX, AMAX
	VDIVSS        MAX, AMAX, SCALE // SCALE = AMAX / 448
	TESTL         POWERS, POWERS
	JNE           power
	VDIVSS        AMAX, MAX, INVX  // INV = 448 / AMAX

scaled:
	VMOVSS       SCALE, (SCALES)
	VBROADCASTSS INVX, INV
	CODE(A0, E0)
	CODE(A1, E1)
	STORE(0, E0, E1)
	CODE(A2, E0)
	CODE(A3, E1)
	STORE(64, E0, E1)
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
	MOVL   $1, BAD
	VPXORD M, M, M
	NUMBERS(A0)
	NUMBERS(A1)
	NUMBERS(A2)
	NUMBERS(A3)
	JMP    amax

patch: // infinities and NaNs
	PATCH(0, $6, INF, A0, A1, NANS)
	PATCH(64, $6, INF, A2, A3, NANS)
	VMOVDQU64 (SRC), A0
	VMOVDQU64 64(SRC), A1
	VMOVDQU64 128(SRC), A2
	VMOVDQU64 192(SRC), A3
	PATCH(0, $0, INF, A0, A1, MAXES)
	PATCH(64, $0, INF, A2, A3, MAXES)
	PATCH(0, $0, NINF, A0, A1, NMAXES)
	PATCH(64, $0, NINF, A2, A3, NMAXES)
	JMP next
