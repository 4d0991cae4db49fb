/* The circuit breaker's design, for Spin: the state machine behind a lock, the published word that lets a
 * healthy and an open circuit be served without it, the separate deadline, the threads' own cells, the trial
 * calls with their leases, the operator, and the events that one thread at a time delivers.
 *
 * Every access to what threads share without the lock is a step of its own. Assertions are named as in
 * simulation_ledger.hpp. -DBUG_... puts in a mistake, each of which must be caught. run_spin runs it all.
 *
 * Time is relative: a tick makes all remaining waits shorter, and all clock readings older, by one.
 * In the safety model a lease may end at any moment; in the liveness model (-DLIVE) only that of a call that
 * never returns, or, with -DSHORT_LEASE, of a slow one too, as often as the doubling allows.
 */
#ifndef N
#define N 2            /* callers */
#endif
#ifndef CALLS
#define CALLS 2        /* calls of each (safety) */
#endif
#ifndef P
#define P 2            /* trial calls that decide: all must succeed */
#endif
#ifndef C
#define C 1            /* of them, at the same time */
#endif
#ifndef F
#define F 1            /* failures in the window that open */
#endif
#ifndef LOST
#define LOST 1         /* trial calls that may never return */
#endif
#ifndef FAILB
#define FAILB 2        /* liveness: failures before the dependency is healthy for good */
#endif
#define WAIT 1
#define NONE 255
#define FREE 255

/* Some clock reading can still grow older. */
#define READINGS_AGE (age[0] < WAIT || age[1] < WAIT || age[N - 1] < WAIT || age[N] < WAIT)

mtype = { CLOSED, OPEN, HALF, FORCED };
mtype = { OKAY, FAIL, DROP, GONE };

/* -- seen by all: the word, the deadline of an open circuit, the cells */
mtype w_st = CLOSED; byte w_gen = 1; bit w_quiet = 1;
byte dl = NONE;                                    /* ticks until it is over */
byte c_n[N], c_gen[N], c_base[N]; bit c_taken[N];

/* -- behind the lock */
byte lck = FREE;
mtype m_st = CLOSED; byte m_gen = 1, m_fail, m_succ, m_ok, m_out, m_lost, m_dl = NONE;
bit m_trial[N];                                    /* whose trial is in flight */
byte absorbed, absorbed_gen = 1;
byte queued; bit delivering;                       /* events not yet delivered; somebody is at it */

/* -- what really is */
byte g_fail, g_succ;                               /* results of the present generation, settling begun */
byte g_out, g_ok; bit g_held[N];                   /* its trials: out, succeeded, whose */
byte g_wait;                                       /* ticks until an open circuit may let somebody in */
bit g_forced;                                      /* an operator has opened it */
byte told = 1;                                     /* the last generation that a listener heard of */
byte ended, lost_left = LOST, fail_left = FAILB, short_left = 2;
byte age[N + 1];                                   /* of each thread's last clock reading */

#ifdef LIVE
/* A spin lock promises nobody a turn, it is only unlikely to be passed over for ever: here it is handed on. */
bit waiting[N + 1];
inline lock() { atomic { if :: lck == FREE -> lck = me :: else -> waiting[me] = 1; lck == me fi } }
inline unlock() {
  atomic { k = 0; do :: k <= N && !waiting[k] -> k++ :: else -> break od;
           if :: k <= N -> waiting[k] = 0; lck = k :: else -> lck = FREE fi; k = 0 }
}
#else
inline lock()   { atomic { lck == FREE -> lck = me } }
inline unlock() { lck = FREE }
#endif

/* -- the machine's transitions; always within one step, under the lock */
inline enter(s) {
  m_st = s; m_gen++; m_fail = 0; m_succ = 0; m_ok = 0; m_out = 0; m_lost = 0; queued++;
  for (k : 0 .. N - 1) { m_trial[k] = 0; g_held[k] = 0 } k = 0;
  g_fail = 0; g_succ = 0; g_out = 0; g_ok = 0
}
inline to_open()   { assert(!g_forced); /* I6 */ m_dl = NONE; enter(OPEN) }
inline to_half()   { assert(!g_forced); assert(g_wait == 0); /* I4 */ m_dl = NONE; enter(HALF) }
inline to_closed() { assert(!g_forced); assert(g_ok >= P); /* I2 */ enter(CLOSED) }

#ifndef LIVE
/* What the cells hold of the present generation, into the window. Reads each cell word by word. */
inline absorb() {
  sum = 0; i = 0;
  do
  :: i < N ->
     if
#ifdef BUG_CELL_UNTAGGED
     :: true -> t = c_n[i]; sum = sum + t
#else
     :: c_gen[i] == m_gen -> t = c_n[i]; t = t - c_base[i]; sum = sum + t
     :: else
#endif
     fi; i++
  :: else -> break
  od;
  atomic {
    if :: absorbed_gen != m_gen -> absorbed_gen = m_gen; absorbed = 0 :: else fi;
    m_succ = m_succ + sum - absorbed; absorbed = sum; sum = 0; i = 0; t = 0;
    assert(m_succ <= g_succ)   /* I8 */
  }
}
#else
inline absorb() { skip }
#endif

/* The thread's cell: its own since before, or one that an ended thread has left. */
inline take_cell() {
  if
  :: cell == NONE -> atomic { cell = 0; do :: c_taken[cell] -> cell++ :: else -> break od; c_taken[cell] = 1 }
  :: else
  fi
}

/* The order is the point: no deadline, then the state, then the clock, then the deadline. */
inline publish() {
  if
  :: m_st == OPEN && m_dl == NONE ->
#ifdef BUG_CLOCK_BEFORE_WORD
     age[me] = 0;
#endif
#ifdef BUG_DEADLINE_FIRST
     age[me] = 0; atomic { m_dl = WAIT - age[me]; dl = m_dl };
#else
     dl = NONE;
#endif
     d_step { w_st = m_st; w_gen = m_gen; w_quiet = 0; g_wait = WAIT };
#ifndef BUG_DEADLINE_FIRST
#ifndef BUG_CLOCK_BEFORE_WORD
     age[me] = 0;
#endif
     m_dl = WAIT - age[me]; dl = m_dl
#endif
  :: else ->
     d_step { w_st = m_st; w_gen = m_gen; w_quiet = (m_st == CLOSED && m_fail == 0) };
     if :: m_st != OPEN && dl != NONE -> dl = NONE :: else fi
  fi
}

/* Ends a locked section: shows it, and delivers what is queued unless somebody else does already. */
inline finish() {
  publish();
#ifdef LIVE
  queued = 0; unlock()
#else
#ifdef BUG_TWO_DELIVERERS
  d_step { told_here = (queued > 0) };
#else
  d_step { told_here = (queued > 0 && !delivering); if :: told_here -> delivering = 1 :: else fi };
#endif
  unlock();
  do
  :: told_here ->
     lock();
     d_step { first = m_gen - queued; last = m_gen; if :: queued == 0 -> delivering = 0; told_here = 0 :: else fi; queued = 0 };
     unlock();
     do
     :: first < last ->
        d_step { first++; assert(first == told + 1); /* I5, I7 */ assert(w_gen >= first); told = first }
     :: else -> break
     od;
     atomic { first = 0; last = 0 }
  :: else -> break
  od
#endif
}

/* A trial whose lease is over counts as failed. */
inline reclaim() {
#ifndef BUG_NO_LEASE
  if
#ifdef LIVE
  :: atomic { m_st == HALF && m_lost > 0 -> to_open() }
#ifdef SHORT_LEASE
#ifdef BUG_LEASE_STAYS_SHORT
  :: atomic { m_st == HALF && m_out > 0 -> to_open() }
#else
  :: atomic { m_st == HALF && m_out > 0 && short_left > 0 -> short_left--; to_open() }
#endif
#endif
  :: atomic { !(m_st == HALF && m_lost > 0) -> skip }
#else
  :: atomic { m_st == HALF && m_out > 0 -> to_open() }
  :: skip
#endif
  fi
#else
  skip
#endif
}

proctype Caller(byte me) {
  byte n, g, d, i, k, t, sum, first, last, cell = NONE, mine;
  mtype s, res; bit q, admitted, trial, told_here, same;
  do
#ifdef LIVE
  :: true ->
#else
  :: n < CALLS -> n++;
#endif
     /* ---- admission */
     d_step { admitted = 0; trial = 0; mine = 0; s = w_st; g = w_gen; q = w_quiet };
     if
     :: s == CLOSED -> admitted = 1; mine = g
     :: s == FORCED -> goto next                       /* rejected without the lock */
     :: s == OPEN -> d = dl; if :: d != NONE && d > 0 -> goto next :: else fi
     :: s == HALF -> skip
     fi;
     if
     :: !admitted ->
        lock(); absorb(); reclaim();
        atomic {
          if :: m_st == OPEN && m_dl == 0 -> to_half() :: else fi;
          if
          :: m_st == CLOSED -> admitted = 1; mine = m_gen; q = 0
          :: m_st == HALF && m_out < C && m_out + m_ok < P ->
             m_out++; m_trial[me] = 1; admitted = 1; trial = 1; mine = m_gen; q = 0;
             g_out++; g_held[me] = 1; assert(g_out <= C && g_out + g_ok <= P)   /* I1, I9 */
          :: else
          fi
        };
        finish()
     :: else
     fi;
     if :: !admitted -> goto next :: else fi;
     /* ---- the call */
     if
     :: res = OKAY
#ifdef LIVE
     :: atomic { fail_left > 0 -> fail_left--; res = FAIL }
#else
     :: res = FAIL
     :: trial -> res = DROP
#endif
     :: atomic { trial && lost_left > 0 -> lost_left--; res = GONE;
                 if :: m_gen == mine && m_trial[me] -> m_lost++; m_trial[me] = 0 :: else fi }
     fi;
     if :: res == GONE -> goto next :: else fi;
     /* ---- settling, the fast way: the cell, the word, the count */
#ifndef LIVE
     if
     :: atomic { mine == m_gen && !trial -> g_succ = g_succ + (res == OKAY); g_fail = g_fail + (res == FAIL) }
     :: atomic { !(mine == m_gen && !trial) -> skip }
     fi;
     if
     :: res == OKAY && q ->
#ifndef BUG_CELL_TAKEN_LAST
        take_cell();
#endif
        d_step { same = (w_st == CLOSED && w_gen == mine && w_quiet) };
        if
        :: same ->
#ifdef BUG_CELL_TAKEN_LAST
           take_cell();
#endif
           t = c_n[cell];
           if :: c_gen[cell] != mine -> c_base[cell] = t; c_gen[cell] = mine :: else fi;
           c_n[cell] = t + 1;
           goto next
        :: else
        fi
     :: else
     fi;
#endif
     /* ---- or under the lock */
#ifdef BUG_OPERATOR_OVERWRITTEN
     bit was_half = (m_st == HALF && m_gen == mine);
#endif
     lock(); absorb(); reclaim();
     atomic {
       same = (m_gen == mine && (!trial || m_trial[me]));
#ifdef BUG_NOT_TIED_TO_GENERATION
       if :: !same && res != DROP && m_st == HALF -> same = 1 :: else fi;
#endif
#ifdef BUG_OPERATOR_OVERWRITTEN
       if :: trial && was_half && res == OKAY -> same = 1 :: else fi;
#endif
#ifdef BUG_RELEASE_ON_CURRENT_STATE
       if :: !same && res == DROP && m_st == HALF && m_out > 0 -> m_out-- :: else fi;
#endif
       if
       :: same && trial ->
          if :: m_out > 0 -> m_out-- :: else fi;
          m_trial[me] = 0;
          if :: g_held[me] -> g_held[me] = 0; g_out--; g_ok = g_ok + (res == OKAY) :: else fi;
          if
          :: res == OKAY -> m_ok++; if :: m_ok >= P -> to_closed() :: else fi
          :: res == FAIL -> to_open()
          :: else
          fi
       :: same && !trial && res == OKAY ->
#ifdef BUG_NOT_TIED_TO_GENERATION
          if
          :: m_st == HALF -> m_ok++; if :: m_ok >= P -> to_closed() :: else fi
          :: else -> m_succ++
          fi
#elif defined(LIVE)
          skip
#else
          m_succ++
#endif
       :: same && !trial && res == FAIL ->
          m_fail++;
#ifndef LIVE
          assert(m_fail <= g_fail);              /* I8 */
          assert(m_fail < F || g_fail >= F);     /* I3 */
#endif
          if :: m_st == CLOSED && m_fail >= F -> to_open() :: else fi
       :: else
       fi;
       same = 0
     };
     finish();
next: atomic { admitted = 0; trial = 0; s = CLOSED; g = 0; q = 0; d = 0; res = OKAY; t = 0; mine = 0; same = 0 }
#ifndef LIVE
  :: else -> break
#endif
  od;
  atomic { if :: cell != NONE -> c_taken[cell] = 0 :: else fi; ended++ }
}

/* Time passes. Never while a clock reading is used at once, which would only make waits longer. */
active proctype Tick() {
  byte k;
end:
  do
  :: atomic {
       (dl != NONE && dl > 0) || g_wait > 0 || (m_dl != NONE && m_dl > 0) || READINGS_AGE ->
       if :: dl != NONE && dl > 0 -> dl-- :: else fi;
       if :: m_dl != NONE && m_dl > 0 -> m_dl-- :: else fi;
       if :: g_wait > 0 -> g_wait-- :: else fi;
       for (k : 0 .. N) { if :: age[k] < WAIT -> age[k]++ :: else fi } k = 0
     }
  od
}

#if defined(OPERATOR) && !defined(LIVE)
active proctype Operator() {
  byte me = N, i, k, t, sum, first, last; bit told_here;
  lock(); absorb();
  atomic { enter(FORCED); g_forced = 1 };
  finish();
  lock(); absorb();
  atomic { assert(m_st == FORCED); /* I6 */ g_forced = 0; enter(CLOSED) };
  finish()
}
#endif

init {
  byte k, me = N, i, t, sum;
  atomic {
    for (k : 0 .. N) { age[k] = WAIT } k = 0;
    do :: k < N -> run Caller(k); k++ :: else -> break od; k = 0
  }
#ifndef LIVE
  /* At rest: nothing is locked, everything was told, and the window holds what was settled. */
  if
  :: timeout ->
     assert(ended == N && lck == FREE);
     assert(told == m_gen && queued == 0 && !delivering);   /* I7 */
     assert(w_st == m_st && w_gen == m_gen);
     assert(m_st == FORCED || m_st == CLOSED || m_st == OPEN || m_st == HALF);
     absorb();
     assert(m_st != CLOSED || (m_succ == g_succ && m_fail == g_fail))   /* I8 */
  fi
#endif
}

#ifdef LIVE
/* L1: healthy for good, it closes and stays closed. */
ltl live { <>[](w_st == CLOSED) }
#endif
