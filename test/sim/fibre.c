/* SPDX-License-Identifier: MIT */
/*
 * What a function call must keep (the registers that belong to the caller, the stack pointer, where
 * to return to) is pushed on the one stack and popped from the other. The modes of the floating
 * point unit are never changed, so they are the same on both sides.
 */
#include "fibre.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

void *sim_stack(size_t size)
{
    unsigned char *p =
        mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p, PAGE, PROT_NONE) != 0)
        return NULL;
    return p + PAGE;
}

#if defined(__x86_64__)

/* Popped on the first switch: six registers, and the address to return to. */
void *sim_context(void *stack, size_t size, void (*entry)(void))
{
    void **top = (void **)((unsigned char *)stack + size);
    memset(top - 8, 0, 8 * sizeof *top);
    top[-2] = (void *)(uintptr_t)entry; /* and above it, the stack as after a call */
    return top - 8;
}

__asm__(".text\n"
        ".globl sim_switch\n"
        ".type sim_switch, @function\n"
        "sim_switch:\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size sim_switch, . - sim_switch\n");

#elif defined(__aarch64__)

#define FRAME 160

/* Popped on the first switch: x19 to x29, the address to return to (x30), d8 to d15. */
void *sim_context(void *stack, size_t size, void (*entry)(void))
{
    unsigned char *frame = (unsigned char *)stack + size - FRAME;
    memset(frame, 0, FRAME);
    void *to = (void *)(uintptr_t)entry;
    memcpy(frame + 88, &to, sizeof to);
    return frame;
}

__asm__(".text\n"
        ".globl sim_switch\n"
        ".type sim_switch, %function\n"
        "sim_switch:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size sim_switch, . - sim_switch\n");

#else
#error "the schedule explorer knows no way to switch stacks on this machine"
#endif
