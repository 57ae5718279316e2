//go:build !purego

#include "textflag.h"

#define DST  DI  // &dst[0]
#define COL  SI  // byte offset of the block, in dst and in every row
#define END  R8  // len(dst)
#define ROWS R9  // &rows[0]
#define LAST R10 // &rows[len(rows)]
#define HEAD R11 // slice header of the row
#define ROW  DX  // &row[0]

#define E0 Z0 // sums of the even values of the block's first 64 bytes ...
#define O0 Z1 // ... and of the odd ones
#define E1 Z2 // the same for its second 64 bytes
#define O1 Z3
#define X0 Z4
#define X1 Z5
#define Y0 Z6
#define Y1 Z7

#define UPPER Z16 // the upper half of each dword
#define ONE   Z17 // 1.0
#define HALF  Z18 // words 0x8000: half of the last place that is kept
#define UNIT  Z19 // words 1: the last place that is kept
#define ABS   Z20 // words 0x7fff
#define INF   Z21 // words 0x7f80
#define NAN   Z22 // words 0x7fc0
#define ODD   K1  // the odd words

#define SPLAT(bits, z) MOVL $bits, AX; VPBROADCASTD AX, z

// func sum(dst []byte, rows [][]byte, from int)
TEXT ·sum(SB), NOSPLIT, $0-56
	MOVQ dst_base+0(FP), DST
	MOVQ dst_len+8(FP), END
	MOVQ rows_base+24(FP), ROWS
	MOVQ rows_len+32(FP), LAST
	MOVQ from+48(FP), COL
	LEAQ (LAST)(LAST*2), LAST // LAST = ROWS + 24*len(rows)
	LEAQ (ROWS)(LAST*8), LAST
	SPLAT(0xffff0000, UPPER)
	SPLAT(0x3f800000, ONE)
	SPLAT(0x80008000, HALF)
	SPLAT(0x00010001, UNIT)
	SPLAT(0x7fff7fff, ABS)
	SPLAT(0x7f807f80, INF)
	SPLAT(0x7fc07fc0, NAN)
	MOVL $0xaaaaaaaa, AX
	KMOVD AX, ODD

block: // do {
	VPXORD E0, E0, E0 // sums = +0
	VPXORD O0, O0, O0
	VPXORD E1, E1, E1
	VPXORD O1, O1, O1
	MOVQ   ROWS, HEAD
	PCALIGN $32

row: // do {
	MOVQ        (HEAD), ROW            // ROW = &row[0]
	VMOVDQU64   (ROW)(COL*1), Y0       // load 64 values
	VMOVDQU64   64(ROW)(COL*1), Y1
	PREFETCHT0  512(ROW)(COL*1)        // ask for those four blocks on
	PREFETCHT0  576(ROW)(COL*1)
	VPSLLD      $16, Y0, X0            // X = even values as FP32
	VPANDD      UPPER, Y0, Y0          // Y = odd values as FP32
	VPSLLD      $16, Y1, X1
	VPANDD      UPPER, Y1, Y1
	VFMADD231PS ONE, X0, E0            // sums += 1 * values
	VFMADD231PS ONE, Y0, O0
	VFMADD231PS ONE, X1, E1
	VFMADD231PS ONE, Y1, O1
	ADDQ        $24, HEAD
	CMPQ        HEAD, LAST
	JNE         row                    // } while HEAD != LAST

	VCMPPS     $3, E0, O0, K2          // K2, K3 = lanes where a sum is a NaN
	VCMPPS     $3, E1, O1, K3
	VPSRLD     $16, E0, X0             // X = upper halves of the sums
	VPSLLD     $16, O0, Y0
	VPBLENDMW  O0, X0, ODD, X0
	VPBLENDMW  Y0, E0, ODD, Y0         // Y = lower halves
	VPTERNLOGD $0xf8, UNIT, X0, Y0     // Y |= X & 1, so that a tie goes up if X is odd
	VPCMPUW    $6, HALF, Y0, K4        // if Y > 0x8000 { X++ }
	VPADDW     UNIT, X0, K4, X0
	VPSRLD     $16, E1, X1             // the same for the second 64 bytes
	VPSLLD     $16, O1, Y1
	VPBLENDMW  O1, X1, ODD, X1
	VPBLENDMW  Y1, E1, ODD, Y1
	VPTERNLOGD $0xf8, UNIT, X1, Y1
	VPCMPUW    $6, HALF, Y1, K4
	VPADDW     UNIT, X1, K4, X1
	KORTESTW   K2, K3                  // if any NaN { goto nan }
	JNZ        nan

store:
	VMOVDQU64 X0, (DST)(COL*1)
	VMOVDQU64 X1, 64(DST)(COL*1)
	ADDQ      $128, COL
	CMPQ      COL, END
	JNE       block                    // } while COL != END
	VZEROUPPER
	RET

nan: // the lower half of a NaN is 0 here, so X is still one
	VPANDD    ABS, X0, Y0              // if X & 0x7fff > 0x7f80 { X = 0x7fc0 }
	VPCMPUW   $6, INF, Y0, K4
	VMOVDQU16 NAN, K4, X0
	VPANDD    ABS, X1, Y1
	VPCMPUW   $6, INF, Y1, K4
	VMOVDQU16 NAN, K4, X1
	JMP       store
