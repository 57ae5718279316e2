package transport

import (
	"context"
	"fmt"
)

// Wait returns nil once the word is at least the given value: words count up,
// and a waiter may come after several signals. It is an acquire, as Load is.
//
// It ends with an error that is ErrTimeout when the world's timeout has passed,
// with the cause if ctx was cancelled, with ErrClosed if the world was closed, and
// with ErrLost if a peer of the world was lost; a WaitError inside says what was awaited and what was seen. After
// long it may notice the time or the context a tenth of a second late.
func (w *World) Wait(ctx context.Context, word int, atLeast uint64) error {
	if uint(word) >= uint(w.words) {
		return w.wrap("wait", w.noWord(word))
	}
	// The driver's words exist for as long as this is held.
	w.waiting.RLock()
	defer w.waiting.RUnlock()

	var (
		backoff = Backoff{Bell: w.own, Rest: w.rest}
		seen    uint64
		err     error
	)
	w.Push()
	for {
		if w.closed.Load() {
			err = ErrClosed
			break
		}
		if seen = w.ep.Load(word); seen >= atLeast {
			return nil
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
			break
		}
		if w.watcher != nil {
			if err = w.watcher.Fault(); err != nil {
				break
			}
		}
		if backoff.Waited() >= w.timeout {
			err = ErrTimeout
			break
		}
		if w.Poll() {
			continue // what came is seldom all
		}
		backoff.Pause()
	}
	return w.wrap("wait", &WaitError{Word: word, Awaited: atLeast, Seen: seen, After: backoff.Waited(), Err: err})
}

func (w *World) noWord(word int) error {
	return fmt.Errorf("word %d: there are %d: %w", word, w.words, ErrBounds)
}
