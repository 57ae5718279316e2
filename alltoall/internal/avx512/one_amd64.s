//go:build !purego

#include "textflag.h"

#define DST DI // &dst[0]
#define ROW SI // &row[0]
#define END R8 // len(dst)
#define I   BX // byte offset

#define ZERO Z16
#define SIGN Z17 // words 0x8000: -0
#define ABS  Z18 // words 0x7fff
#define INF  Z19 // words 0x7f80
#define NAN  Z20 // words 0x7fc0

#define SPLAT(bits, z) MOVL $bits, AX; VPBROADCASTD AX, z

// func one(dst, row []byte)
TEXT ·one(SB), NOSPLIT, $0-48
	MOVQ   dst_base+0(FP), DST
	MOVQ   dst_len+8(FP), END
	MOVQ   row_base+24(FP), ROW
	VPXORD ZERO, ZERO, ZERO
	SPLAT(0x80008000, SIGN)
	SPLAT(0x7fff7fff, ABS)
	SPLAT(0x7f807f80, INF)
	SPLAT(0x7fc07fc0, NAN)
	XORQ   I, I
	PCALIGN $32

block: // do {
	VMOVDQU64  (ROW)(I*1), Z0   // load 64 values
	VMOVDQU64  64(ROW)(I*1), Z1
	PREFETCHT0 256(ROW)(I*1)    // ask for those two blocks on
	PREFETCHT0 320(ROW)(I*1)
	VPANDD     ABS, Z0, Z2      // |value|
	VPANDD     ABS, Z1, Z3
	VPCMPEQW   SIGN, Z0, K1     // if value == -0 { value = 0 }
	VPCMPEQW   SIGN, Z1, K2
	VPCMPUW    $6, INF, Z2, K3  // if |value| > inf { value = 0x7fc0 }
	VPCMPUW    $6, INF, Z3, K4
	VMOVDQU16  ZERO, K1, Z0
	VMOVDQU16  ZERO, K2, Z1
	VMOVDQU16  NAN, K3, Z0
	VMOVDQU16  NAN, K4, Z1
	VMOVDQU64  Z0, (DST)(I*1)
	VMOVDQU64  Z1, 64(DST)(I*1)
	ADDQ       $128, I
	CMPQ       I, END
	JNE        block            // } while I != END
	VZEROUPPER
	RET
