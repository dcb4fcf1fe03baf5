// Command pawl moves a release through a GitOps config repository, from one
// environment to the next, by fast-forward only.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/getpawl/pawl/pkg/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], cli.System())
	stop()
	os.Exit(code)
}
