//go:build !purego

#include "textflag.h"

#define DST    DI  // &dst[0] of the block
#define SRC    SI  // &src[0] of the block
#define SCALES R8  // &scales[0] of the block
#define END    R9  // &dst[len(dst)]
#define BAD    R10 // a code or the scale is not a number

#define C Y0 // 32 codes
#define S Y1 // their index in the tables for small ones
#define L Y2 // lower bytes of their values; then the first 16 values ...
#define U Y3 // upper bytes
#define W Y4 // ... and the other 16
#define N Y5 // which are NaN
#define E Y0 // the even ones of 16 values
#define T Y1

#define SCALE  Y6
#define UPPER  Y7  // the upper half of each dword
#define UNIT   Y8  // words 1: the last place that is kept
#define CARRY  Y9  // words 0x7ffe
#define CODE   Y10 // bytes 0x7f: a code without its sign, or NaN
#define LIFT   Y11 // bytes 0x70
#define NIBBLE Y12 // bytes 0x0f
#define UPPERS Y13 // table of upper bytes
#define SMALLL Y14 // table of bits to change in lower bytes of small ones ...
#define SMALLU Y15 // ... and in upper bytes

#define SPLAT(bits, x, y) MOVL $bits, AX; VMOVD AX, x; VPBROADCASTD x, y

// The table, of 16 bytes, is there twice.
#define TABLE(low, high, x, y) \
	MOVQ        $low, AX     \
	MOVQ        $high, CX    \
	VMOVQ       AX, x        \
	VPINSRQ     $1, CX, x, x \
	VINSERTI128 $1, x, y, y

// L, W = the 32 codes at offset at as BF16, as in avx512; BAD |= which are NaN.
#define DECODE(at) \
	VPERMQ     $0xd8, at(SRC), C \
	VPAND      CODE, C, S        \
	VPCMPEQB   CODE, S, N        \
	VPMOVMSKB  N, CX             \
	ORL        CX, BAD           \
	VPADDUSB   LIFT, S, S        \ /* from 0x80 on, where tables give 0, unless the code is small */
	VPSLLW     $4, C, L          \ /* L = emmm0000 */
	VPANDN     L, NIBBLE, L      \
	VPSRLW     $4, C, U          \ /* U = what seee makes */
	VPAND      NIBBLE, U, U      \
	VPSHUFB    U, UPPERS, U      \
	VPSHUFB    S, SMALLL, C      \ /* put small ones right */
	VPSHUFB    S, SMALLU, S      \
	VPXOR      C, L, L           \
	VPXOR      S, U, U           \
	VPOR       N, U, U           \
	VPUNPCKHBW U, L, W           \
	VPUNPCKLBW U, L, L

// dst[at] = the 16 values in v, times SCALE, rounded as in sum.
#define STORE(at, v) \
	VPSLLD   $16, v, E      \
	VPAND    UPPER, v, v    \
	VMULPS   SCALE, E, E    \
	VMULPS   SCALE, v, v    \
	VPSRLD   $16, E, T      \ /* T = upper halves */
	VPBLENDW $0xaa, v, T, T \
	VPSLLD   $16, v, v      \
	VPBLENDW $0xaa, v, E, E \ /* E = lower halves */
	VPAND    UNIT, T, v     \ /* E |= T & 1, so that a tie goes up if T is odd */
	VPOR     v, E, E        \
	VPAVGW   CARRY, E, E    \ /* E = (E + 0x7fff) >> 1 */
	VPSRLW   $15, E, E      \ /* T += E >> 15 */
	VPADDW   E, T, T        \
	VMOVDQU  T, at(DST)

#define DEQUANTIZE(at) \
	DECODE(at)         \
	STORE(2*at, L)     \
	STORE(2*at+32, W)

// if dst[at] & 0x7fff > 0x7f80 { dst[at] = 0x7fc0 }, 16 times.
#define ABS Y2 // words 0x7fff
#define INF Y3 // words 0x7f80
#define NAN Y4 // words 0x7fc0
#define PATCH(at) \
	VMOVDQU   at(DST), C   \
	VPAND     ABS, C, S    \
	VPCMPGTW  INF, S, S    \
	VPBLENDVB S, NAN, C, C \
	VMOVDQU   C, at(DST)

// func dequantize(dst, src, scales []byte)
TEXT ·dequantize(SB), NOSPLIT, $0-72
	MOVQ dst_base+0(FP), DST
	MOVQ dst_len+8(FP), END
	MOVQ src_base+24(FP), SRC
	MOVQ scales_base+48(FP), SCALES
	ADDQ DST, END
	SPLAT(0xffff0000, X7, UPPER)
	SPLAT(0x00010001, X8, UNIT)
	SPLAT(0x7ffe7ffe, X9, CARRY)
	SPLAT(0x7f7f7f7f, X10, CODE)
	SPLAT(0x70707070, X11, LIFT)
	SPLAT(0x0f0f0f0f, X12, NIBBLE)
	TABLE(0x43424140_3f3e3d3c, 0xc3c2c1c0_bfbebdbc, X13, UPPERS)
	TABLE(0x10207040_f0a01000, 0, X14, SMALLL)
	TABLE(0x00000000_0707073c, 0, X15, SMALLU)

block: // do {
	PREFETCHT0 2048(SRC)        // ask for what comes in about the time of a miss
	PREFETCHT0 2112(SRC)
	MOVL       (SCALES), AX
	XORL       BAD, BAD
	MOVL       AX, CX           // if the scale is not a number { goto bad }
	ANDL       $0x7fffffff, CX
	CMPL       CX, $0x7f800000
	JAE        bad

scale:
	VMOVD        AX, X6
	VPBROADCASTD X6, SCALE
	DEQUANTIZE(0)
	DEQUANTIZE(32)
	DEQUANTIZE(64)
	DEQUANTIZE(96)
	TESTL        BAD, BAD
	JNE          patch

next:
	ADDQ $128, SRC
	ADDQ $4, SCALES
	ADDQ $256, DST
	CMPQ DST, END
	JNE  block                  // } while DST != END
	VZEROUPPER
	RET

bad: // a NaN whose lower half is 0 is not rounded to anything else
	MOVL    $1, BAD
	MOVL    $0x7fc00000, DX
	CMPL    CX, $0x7f800000
	CMOVLHI DX, AX
	JMP     scale

patch: // NaNs, of which there are several
	SPLAT(0x7fff7fff, X2, ABS)
	SPLAT(0x7f807f80, X3, INF)
	SPLAT(0x7fc07fc0, X4, NAN)
	PATCH(0)
	PATCH(32)
	PATCH(64)
	PATCH(96)
	PATCH(128)
	PATCH(160)
	PATCH(192)
	PATCH(224)
	JMP next
