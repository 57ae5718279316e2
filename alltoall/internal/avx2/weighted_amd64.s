//go:build !purego

#include "textflag.h"

#define DST     DI  // &dst[0]
#define COL     SI  // byte offset of the block, in dst and in every row
#define END     R8  // len(dst)
#define ROWS    R9  // &rows[0]
#define LAST    R10 // &rows[len(rows)]
#define HEAD    R11 // slice header of the row
#define ROW     DX  // &row[0]
#define WEIGHTS R12 // &weights[0]
#define WEIGHT  R13 // weight of the row

// Sums of the even and of the odd values of the block's four times 32 bytes.
#define E0 Y0
#define O0 Y1
#define E1 Y2
#define O1 Y3
#define E2 Y4
#define O2 Y5
#define E3 Y6
#define O3 Y7

#define X Y8
#define Y Y9
#define N Y10 // lanes where a sum is a NaN
#define W Y11 // the weight
#define UPPER Y12 // the upper half of each dword
#define UNIT  Y13 // words 1: the last place that is kept
#define CARRY Y14 // words 0x7ffe
#define NAN   Y15 // dwords 0x7fc00000

#define SPLAT(bits, x, y) MOVL $bits, AX; VMOVD AX, x; VPBROADCASTD x, y

// e, o += the even and the odd ones of the 16 values at offset at, times W.
#define ACC(at, e, o) \
	VMOVDQU at(ROW)(COL*1), Y \ /* load 16 values */
	VPSLLD  $16, Y, X         \ /* X = even values as FP32 */
	VPAND   UPPER, Y, Y       \ /* Y = odd values as FP32 */
	VMULPS  W, X, X           \ /* values *= weight, rounded */
	VMULPS  W, Y, Y           \
	VADDPS  X, e, e           \ /* sums += values */
	VADDPS  Y, o, o

// N |= lanes where e or o is a NaN.
#define CHECK(e, o) \
	VCMPPS $3, e, o, X \
	VPOR   X, N, N

// if s is a NaN { s = NAN }
#define FIX(s) \
	VCMPPS    $3, s, s, X \
	VPBLENDVB X, NAN, s, s

// e = e and o, rounded and back in order.
#define ROUND(e, o) \
	VPSRLD   $16, e, X        \ /* X = upper halves */
	VPSLLD   $16, o, Y        \
	VPBLENDW $0xaa, o, X, X   \
	VPBLENDW $0xaa, Y, e, Y   \ /* Y = lower halves */
	VPAND    UNIT, X, e       \ /* Y |= X & 1, so that a tie goes up if X is odd */
	VPOR     e, Y, Y          \
	VPAVGW   CARRY, Y, Y      \ /* Y = (Y + 0x7fff) >> 1 */
	VPSRLW   $15, Y, Y        \ /* X += Y >> 15 */
	VPADDW   Y, X, e

// Additions are not 1*value + sum as in sum: here, the pipes for multiplying have
// the products to do.
//
// func weighted(dst []byte, rows [][]byte, weights []float32, from int)
TEXT ·weighted(SB), NOSPLIT, $0-80
	MOVQ dst_base+0(FP), DST
	MOVQ dst_len+8(FP), END
	MOVQ rows_base+24(FP), ROWS
	MOVQ rows_len+32(FP), LAST
	MOVQ weights_base+48(FP), WEIGHTS
	MOVQ from+72(FP), COL
	LEAQ (LAST)(LAST*2), LAST // LAST = ROWS + 24*len(rows)
	LEAQ (ROWS)(LAST*8), LAST
	SPLAT(0xffff0000, X12, UPPER)
	SPLAT(0x00010001, X13, UNIT)
	SPLAT(0x7ffe7ffe, X14, CARRY)
	SPLAT(0x7fc00000, X15, NAN)

block: // do {
	VPXOR E0, E0, E0; VPXOR O0, O0, O0 // sums = +0
	VPXOR E1, E1, E1; VPXOR O1, O1, O1
	VPXOR E2, E2, E2; VPXOR O2, O2, O2
	VPXOR E3, E3, E3; VPXOR O3, O3, O3
	VPXOR N, N, N
	MOVQ  ROWS, HEAD
	MOVQ  WEIGHTS, WEIGHT
	PCALIGN $32

row: // do {
	MOVQ         (HEAD), ROW      // ROW = &row[0]
	VBROADCASTSS (WEIGHT), W
	PREFETCHT0   256(ROW)(COL*1)  // ask for the 64 values two blocks on
	PREFETCHT0   320(ROW)(COL*1)
	ACC(0, E0, O0)
	ACC(32, E1, O1)
	ACC(64, E2, O2)
	ACC(96, E3, O3)
	ADDQ         $4, WEIGHT
	ADDQ         $24, HEAD
	CMPQ         HEAD, LAST
	JNE          row              // } while HEAD != LAST

	CHECK(E0, O0)
	CHECK(E1, O1)
	CHECK(E2, O2)
	CHECK(E3, O3)
	VPTEST  N, N                  // if any NaN { goto nan }
	JNZ     nan

round:
	ROUND(E0, O0)
	ROUND(E1, O1)
	ROUND(E2, O2)
	ROUND(E3, O3)
	VMOVDQU E0, (DST)(COL*1)
	VMOVDQU E1, 32(DST)(COL*1)
	VMOVDQU E2, 64(DST)(COL*1)
	VMOVDQU E3, 96(DST)(COL*1)
	ADDQ    $128, COL
	CMPQ    COL, END
	JNE     block                 // } while COL != END
	VZEROUPPER
	RET

nan: // a NaN from a weight has all its bits, and rounding up would carry out of it
	FIX(E0); FIX(O0)
	FIX(E1); FIX(O1)
	FIX(E2); FIX(O2)
	FIX(E3); FIX(O3)
	JMP round
