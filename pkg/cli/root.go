package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/getpawl/pawl/pkg/actions"
	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/output"
)

// app is one run of the program: the host and the flags that every command has.
type app struct {
	host    Host
	format  string
	color   string
	dir     string
	verbose bool
	timeout time.Duration
	late    func() bool            // whether the time is over; nil where there is no limit
	apps    map[string]*github.App // by repository, so that all of a run share a token
	unseen  error                  // why the checkout is not looked at; nil when it is, or there is none
	unsaid  error                  // why the help could not be written
}

// help prints what a command is for, how it is used, and its exit codes. It is no
// template: with text/template the linker keeps every method of every type.
func (a *app) help(cmd *cobra.Command, _ []string) {
	text := strings.TrimRight(cmp.Or(cmd.Long, cmd.Short), " \n") + "\n\n"
	if cmd.Runnable() || cmd.HasSubCommands() {
		text += cmd.UsageString()
	}
	if codes := cmd.Annotations["exits"]; codes != "" {
		text += "\nExit codes:\n" + codes + "\n"
	}
	if _, err := io.WriteString(cmd.OutOrStdout(), text); err != nil {
		a.unsaid = fmt.Errorf("writing the help: %w", err)
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "pawl",
		Short: "Move a release through a GitOps config repository, forward only",
		Long: `pawl moves a release through a GitOps config repository, dev → staging →
production, one way only: by fast-forward.

It sets image versions without touching any other byte, opens one pull request
per promotion, and fast-forwards the environment's branch to exactly the commit
that was reviewed, when its gates pass. It needs no cluster and no server.`,
		Example: `  pawl images
  pawl bump ghcr.io/acme/api:1.4.2 --env dev --push
  pawl promote staging
  pawl merge staging
  pawl status`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.SetIn(a.host.In)
	root.SetOut(a.host.Out)
	root.SetErr(a.host.Err)
	root.SetHelpFunc(a.help)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err, "see: " + cmd.CommandPath() + " --help"}
	})
	a.addFlags(root)
	root.AddCommand(a.imagesCommand(), a.bumpCommand(), a.promoteCommand(), a.verifyCommand(), a.mergeCommand(),
		a.statusCommand(), a.diffCommand(), a.historyCommand(), a.traceCommand(), a.doctorCommand(), a.auditCommand(),
		a.demoCommand(), a.configCommand(), a.versionCommand())
	root.Args = withUsage(cobra.NoArgs)
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return a.checkFlags() }
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return root
}

func (a *app) addFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVarP(&a.format, "output", "o", string(output.Text), "how to print the result: "+strings.Join(output.Formats(), ", "))
	flags.StringVar(&a.color, "color", "auto", "when to use color: auto, always, never")
	flags.StringVarP(&a.dir, "directory", "C", "", "work as if pawl was started in `DIR`")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say on stderr what is being done")
	flags.DurationVar(&a.timeout, "timeout", 2*time.Minute, "give up after this long")
	a.complete(root, "output", output.Formats()...)
	a.complete(root, "color", "auto", "always", "never")
}

// complete offers fixed values for a flag.
func (a *app) complete(cmd *cobra.Command, flag string, values ...string) {
	// The error says that the flag does not exist: a test runs every completion.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// workdir is the directory that the command works in.
func (a *app) workdir() string {
	switch {
	case a.dir != "" && a.host.Dir != "" && !strings.HasPrefix(a.dir, "/"):
		return a.host.Dir + "/" + a.dir
	case a.dir != "":
		return a.dir
	case a.host.Dir != "":
		return a.host.Dir
	}
	return "."
}

// bound gives the command its deadline.
func (a *app) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return a.boundWait(ctx, 0)
}

// boundWait gives a command that waits its deadline: what it does before and
// after the wait has the usual time.
func (a *app) boundWait(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	if a.timeout <= 0 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout+wait)
	a.late = func() bool { return errors.Is(ctx.Err(), context.DeadlineExceeded) }
	return ctx, cancel
}

// show writes the result.
func (a *app) show(result output.Result) error {
	format, err := output.ParseFormat(a.format)
	if err != nil {
		return &usageError{err, ""}
	}
	var text strings.Builder
	if err := output.Write(&text, format, result, a.style(a.host.Out)); err != nil {
		return err
	}
	printed := text.String()
	if format == output.Text {
		// Text may quote files and commits line by line; the other formats cannot.
		if printed, err = a.runner().Quote(printed); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(a.host.Out, printed); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// print writes the result of a command that did or decided something, and into
// the step summary when in a job.
func (a *app) print(result output.Result) error {
	if err := a.show(result); err != nil {
		return err
	}
	return a.summarize(result)
}

// summarize adds the result to the summary of the job, in a job.
func (a *app) summarize(result output.Result) error {
	runner := a.runner()
	if !runner.Summarizes() {
		return nil
	}
	var markdown strings.Builder
	if err := output.Write(&markdown, output.Markdown, result, output.Style{}); err != nil {
		return err
	}
	return runner.Summary(markdown.String())
}

// checkFlags refuses bad values before anything is done.
func (a *app) checkFlags() error {
	if _, err := output.ParseFormat(a.format); err != nil {
		return &usageError{err, ""}
	}
	if a.timeout < 0 {
		return usagef("0 is no limit", "--timeout %s is no time", a.timeout)
	}
	if a.dir != "" {
		if info, err := os.Stat(a.workdir()); err != nil {
			return usagef("-C names a directory that is there", "working in %s: %v", a.dir, err)
		} else if !info.IsDir() {
			return usagef("-C names a directory", "working in %s: it is not a directory", a.dir)
		}
	}
	switch a.color {
	case "auto", "always", "never":
		return nil
	}
	return usagef("", "unknown value %q for --color: use auto, always or never", a.color)
}

// say tells the user something beside the result.
func (a *app) say(format string, args ...any) {
	output.NewPrinter(a.host.Err, output.Style{}).Line("pawl: "+format, args...)
}

// trace tells what is being done, when asked to.
func (a *app) trace(format string, args ...any) {
	if a.verbose {
		a.say(format, args...)
	}
}

func (a *app) runner() actions.Runner {
	return actions.FromEnv(a.host.Getenv, a.host.Err, rand.Reader)
}

// style decides on color: the flag, then NO_COLOR (https://no-color.org) and a
// dumb terminal, then whether a person is watching.
func (a *app) style(w io.Writer) output.Style {
	switch {
	case a.color == "always":
		return output.Style{Color: true}
	case a.color == "never", a.host.Getenv("NO_COLOR") != "", a.host.Getenv("TERM") == "dumb":
		return output.Style{}
	}
	file, ok := w.(*os.File)
	return output.Style{Color: ok && term.IsTerminal(int(file.Fd()))}
}
