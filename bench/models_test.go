package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestModelsAndAdviseRefuseWhatMakesNoSense(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.jsonl")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for args, text := range map[string]string{
		"models --kinds=colour":  "--kinds",
		"models --models=fibre":  "--models",
		"models --rounds=0":      "--rounds",
		"models --effort=0s":     "--effort",
		"models --json=" + empty: "exists",
		"probe --name=x --time=1s --units=1 --rounds=1 --pauses=1 --pause-length=1s": "unknown probe",
		"advise":                                           "--connections",
		"advise --connections=0":                           "--connections",
		"advise --connections=many":                        "--connections",
		"advise --connections=1 --active=2":                "--active",
		"advise --connections=1 --active=NaN":              "--active",
		"advise --connections=1 --cpu-per-request=5":       "--cpu-per-request",
		"advise --connections=1 --isolation=total":         "--isolation",
		"advise --connections=1 --memory=5XB":              "--memory",
		"advise --connections=1 --memory=-5MB":             "--memory",
		"advise --connections=1 --memory=MB":               "--memory",
		"advise --connections=1 --results=" + empty:        "--results",
		"advise --connections=1 --results=/no/such/folder": "--results",
	} {
		t.Run(args, func(t *testing.T) {
			requireRefused(t, finish(t, command(t, strings.Fields(args)...)), text)
		})
	}
}

func TestAmountsAreRead(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "512MB": 512 << 20, "512 mb": 512 << 20, "1.5GiB": 3 << 29, "2K": 2048, "7B": 7,
	} {
		got, err := readBytes(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]float64{"0": 0, "1": 1, "0.25": 0.25, "10%": 0.1, "10 %": 0.1} {
		got, err := readShare(text)
		require.NoError(t, err, text)
		require.InDelta(t, want, got, 1e-9, text)
	}
}
