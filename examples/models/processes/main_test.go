package main

import (
	"testing"

	"github.com/weft-go/weft/examples/internal/child"
	"github.com/weft-go/weft/examples/internal/jobtest"
)

func TestMain(m *testing.M) { child.Main(m, main) }

func TestJobsRunInTurnOrAtTheSameTime(t *testing.T) { jobtest.Jobs(t) }
