package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/getpawl/pawl/pkg/cli"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

// The race detector has each process sleep for a second before it exits, in case a
// goroutine that is left does something yet. The tests start pawl a thousand times:
// with this in its environment it exits at once, as the real one does. What happened
// until then is judged as ever: after a race the exit code is 66.
// https://go.dev/doc/articles/race_detector#Options
const (
	raceVariable = "GORACE"
	raceOptions  = "atexit_sleep_ms=0"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pawl": pawl})
}

// pawl is main with a clock that scripts can set, so that commits and ages in
// their expected output are the same on every run, and without waiting.
func pawl() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	host := cli.System()
	if now, err := time.Parse(time.RFC3339, os.Getenv("PAWL_TEST_NOW")); err == nil {
		host.Now = func() time.Time { return now }
	}
	if os.Getenv("PAWL_TEST_WAIT") == "" {
		host.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	if err := errors.Join(transcribe(&host), startRecorded()); err != nil {
		panic(err)
	}
	code := cli.Main(ctx, os.Args[1:], host)
	stop()
	os.Exit(code)
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 scripts,
		Setup:               setup,
		Cmds:                commands(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
	})
}
