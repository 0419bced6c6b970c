package main

import (
	"testing"

	"github.com/weft-go/weft/examples/internal/child"
)

func TestMain(m *testing.M) { child.Main(m, main) }

func TestEchoKeepsTheLaddersPromises(t *testing.T) { child.Echo(t) }
