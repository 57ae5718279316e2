//go:build !purego

#include "textflag.h"

#define DST  DI  // &dst[0]
#define COL  SI  // byte offset of the block, in dst and in every row
#define END  R8  // len(dst)
#define ROWS R9  // &rows[0]
#define LAST R10 // &rows[len(rows)]
#define HEAD R11 // slice header of the row
#define ROW  DX  // &row[0]

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
#define UPPER Y11 // the upper half of each dword
#define ONE   Y12 // 1.0
#define UNIT  Y13 // words 1: the last place that is kept
#define CARRY Y14 // words 0x7ffe

#define SPLAT(bits, x, y) MOVL $bits, AX; VMOVD AX, x; VPBROADCASTD x, y

// e, o += the even and the odd ones of the 16 values at offset at.
#define ACC(at, e, o) \
	VMOVDQU     at(ROW)(COL*1), Y \ /* load 16 values */
	VPSLLD      $16, Y, X         \ /* X = even values as FP32 */
	VPAND       UPPER, Y, Y       \ /* Y = odd values as FP32 */
	VFMADD231PS ONE, X, e         \ /* sums += 1 * values */
	VFMADD231PS ONE, Y, o

// e = e and o, rounded and back in order; N |= lanes with a NaN.
#define ROUND(e, o) \
	VCMPPS   $3, e, o, X      \
	VPOR     X, N, N          \
	VPSRLD   $16, e, X        \ /* X = upper halves */
	VPSLLD   $16, o, Y        \
	VPBLENDW $0xaa, o, X, X   \
	VPBLENDW $0xaa, Y, e, Y   \ /* Y = lower halves */
	VPAND    UNIT, X, e       \ /* Y |= X & 1, so that a tie goes up if X is odd */
	VPOR     e, Y, Y          \
	VPAVGW   CARRY, Y, Y      \ /* Y = (Y + 0x7fff) >> 1 */
	VPSRLW   $15, Y, Y        \ /* X += Y >> 15 */
	VPADDW   Y, X, e

// if e & 0x7fff > 0x7f80 { e = 0x7fc0 }; the constants are where sums were.
#define ABS Y1
#define INF Y3
#define NAN Y5
#define FIX(e) \
	VPAND     ABS, e, X \
	VPCMPGTW  INF, X, X \
	VPBLENDVB X, NAN, e, e

// func sum(dst []byte, rows [][]byte, from int)
TEXT ·sum(SB), NOSPLIT, $0-56
	MOVQ dst_base+0(FP), DST
	MOVQ dst_len+8(FP), END
	MOVQ rows_base+24(FP), ROWS
	MOVQ rows_len+32(FP), LAST
	MOVQ from+48(FP), COL
	LEAQ (LAST)(LAST*2), LAST // LAST = ROWS + 24*len(rows)
	LEAQ (ROWS)(LAST*8), LAST
	SPLAT(0xffff0000, X11, UPPER)
	SPLAT(0x3f800000, X12, ONE)
	SPLAT(0x00010001, X13, UNIT)
	SPLAT(0x7ffe7ffe, X14, CARRY)

block: // do {
	VPXOR E0, E0, E0; VPXOR O0, O0, O0 // sums = +0
	VPXOR E1, E1, E1; VPXOR O1, O1, O1
	VPXOR E2, E2, E2; VPXOR O2, O2, O2
	VPXOR E3, E3, E3; VPXOR O3, O3, O3
	VPXOR N, N, N
	MOVQ  ROWS, HEAD
	PCALIGN $32

row: // do {
	MOVQ       (HEAD), ROW      // ROW = &row[0]
	PREFETCHT0 256(ROW)(COL*1)  // ask for the 64 values two blocks on
	PREFETCHT0 320(ROW)(COL*1)
	ACC(0, E0, O0)
	ACC(32, E1, O1)
	ACC(64, E2, O2)
	ACC(96, E3, O3)
	ADDQ       $24, HEAD
	CMPQ       HEAD, LAST
	JNE        row              // } while HEAD != LAST

	ROUND(E0, O0)
	ROUND(E1, O1)
	ROUND(E2, O2)
	ROUND(E3, O3)
	VPTEST  N, N                // if any NaN { goto nan }
	JNZ     nan

store:
	VMOVDQU E0, (DST)(COL*1)
	VMOVDQU E1, 32(DST)(COL*1)
	VMOVDQU E2, 64(DST)(COL*1)
	VMOVDQU E3, 96(DST)(COL*1)
	ADDQ    $128, COL
	CMPQ    COL, END
	JNE     block               // } while COL != END
	VZEROUPPER
	RET

nan: // the lower half of a NaN is 0 here, so its upper half still is one
	SPLAT(0x7fff7fff, X1, ABS)
	SPLAT(0x7f807f80, X3, INF)
	SPLAT(0x7fc07fc0, X5, NAN)
	FIX(E0); FIX(E1); FIX(E2); FIX(E3)
	JMP store
