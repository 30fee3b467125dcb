#include "textflag.h"

// func escapeBlocks(dst, src []byte, by *blockSpreadings) (read, written int)
//
// X0 holds 16 bytes of text, X8 to X11 constants: the first printable
// character, quotes, backslashes, zeros.
TEXT ·escapeBlocks(SB), NOSPLIT, $0-72
	MOVQ dst_base+0(FP), DI
	MOVQ dst_len+8(FP), DX
	MOVQ src_base+24(FP), SI
	MOVQ src_len+32(FP), CX
	MOVQ by+48(FP), R8
	MOVQ $0x2020202020202020, AX
	MOVQ AX, X8
	PUNPCKLQDQ X8, X8
	MOVQ $0x2222222222222222, AX
	MOVQ AX, X9
	PUNPCKLQDQ X9, X9
	MOVQ $0x5c5c5c5c5c5c5c5c, AX
	MOVQ AX, X10
	PUNPCKLQDQ X10, X10
	PXOR X11, X11

loop:
	CMPQ CX, $16
	JLT  done
	CMPQ DX, $32
	JLT  done
	MOVOU (SI), X0
	// As signed numbers, what is not ASCII is below the controls.
	MOVO X8, X1
	PCMPGTB X0, X1
	PMOVMSKB X1, AX
	TESTL AX, AX
	JNZ  done
	MOVO X0, X2
	PCMPEQB X9, X2
	MOVO X0, X3
	PCMPEQB X10, X3
	POR  X3, X2
	PMOVMSKB X2, AX
	ADDQ $16, SI
	SUBQ $16, CX
	TESTL AX, AX
	JNZ  some
	MOVOU X0, (DI)
	ADDQ $16, DI
	SUBQ $16, DX
	JMP  loop

some:
	// The first eight bytes.
	MOVBLZX AX, BX
	POPCNTL BX, R9
	SHLL $4, BX
	MOVOU (R8)(BX*1), X4
	MOVO X0, X5
	PSHUFB X4, X5
	MOVO X11, X6
	PCMPGTB X4, X6
	PAND X10, X6
	POR  X6, X5
	MOVOU X5, (DI)
	LEAQ 8(DI)(R9*1), DI
	// The other eight.
	SHRL $8, AX
	POPCNTL AX, R10
	SHLL $4, AX
	MOVOU (R8)(AX*1), X4
	PSRLO $8, X0
	PSHUFB X4, X0
	MOVO X11, X6
	PCMPGTB X4, X6
	PAND X10, X6
	POR  X6, X0
	MOVOU X0, (DI)
	LEAQ 8(DI)(R10*1), DI
	ADDQ R10, R9
	ADDQ $16, R9
	SUBQ R9, DX
	JMP  loop

done:
	MOVQ src_len+32(FP), AX
	SUBQ CX, AX
	MOVQ AX, read+56(FP)
	SUBQ dst_base+0(FP), DI
	MOVQ DI, written+64(FP)
	RET

// func cpuid1() (ecx uint32)
TEXT ·cpuid1(SB), NOSPLIT, $0-4
	MOVL $1, AX
	XORL CX, CX
	CPUID
	MOVL CX, ecx+0(FP)
	RET
