#ifndef PP_BASE_MEMORY_H
#define PP_BASE_MEMORY_H

/*
 * Memory that is not needed now, back to the kernel: thousands of idle clients
 * cost what they hold, not what their busiest moment took.  Thread: any.
 *
 * memory_release_stack - what the calling thread has once used of its stack,
 * below the frames that are now in use; nothing on the main thread.  For before
 * a long wait; a system call.
 * memory_release_heap - what was freed anywhere; milliseconds, during which
 * other threads may wait for memory.  For a quiet moment.
 */
void memory_release_stack(void);
void memory_release_heap(void);

#endif
