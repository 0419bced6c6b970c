package models

import (
	"runtime"
	"time"
)

// Some figures are about two that share words: the probe is one of them, and the other
// one is a process or a thread.

// wordsProbe is the probe's side. It ends the other one.
type wordsProbe func(w *words, least time.Duration) (float64, error)

// besideProcess measures with a unit of the role as the other one.
func besideProcess(role string, probe wordsProbe) func(least time.Duration) (float64, error) {
	return func(least time.Duration) (float64, error) {
		w, file, err := newSharedWords()
		if err != nil {
			return 0, err
		}
		defer file.Close()
		u, err := startUnit(role, file)
		if err != nil {
			return 0, err
		}
		figure, err := probe(w, least)
		if err != nil {
			return 0, err
		}
		return figure, u.wait()
	}
}

// wordsUnit is a role: other, on a thread of its own process.
func wordsUnit(other func(w *words)) func() error {
	return func() error {
		w, err := sharedWords(inherited)
		if err != nil {
			return err
		}
		runtime.LockOSThread()
		other(w)
		return nil
	}
}

// besideThread measures with a thread that runs other.
//
// Order: once the other one waits in the kernel, Go's scheduler cannot be changed.
func besideThread(other func(w *words), probe wordsProbe) func(least time.Duration) (float64, error) {
	return func(least time.Duration) (float64, error) {
		defer rawThreads()()
		w := new(words)
		go func() {
			runtime.LockOSThread()
			other(w)
		}()
		return probe(w, least)
	}
}

// raw is a probe that waits in the kernel without Go's knowledge.
func raw(probe wordsProbe) wordsProbe {
	return func(w *words, least time.Duration) (float64, error) {
		defer rawThreads()()
		return probe(w, least)
	}
}
