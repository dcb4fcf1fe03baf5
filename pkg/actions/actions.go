// Package actions speaks to the GitHub Actions runner: outputs, step summaries,
// annotations, masks and the event that started the run.
//
// It guarantees that no value can be taken for a command or for a second value:
// outputs are written between random delimiters, and the data of commands is
// escaped as the runner expects. It writes neither GITHUB_ENV nor GITHUB_PATH,
// since what stands there changes how later steps run.
package actions

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// Runner is the job that pawl runs in. The zero value is no runner: everything
// that is written to it is dropped.
type Runner struct {
	Commands io.Writer // where workflow commands go: the job's log
	Random   io.Reader // for delimiters
	output   string
	summary  string
	event    string
	ref      string
	page     string
	active   bool
}

// FromEnv describes the runner that the environment tells of.
// https://docs.github.com/actions/reference/workflows-and-actions/variables
func FromEnv(getenv func(string) string, commands io.Writer, random io.Reader) Runner {
	return Runner{
		Commands: commands,
		Random:   random,
		active:   getenv("GITHUB_ACTIONS") == "true",
		output:   getenv("GITHUB_OUTPUT"),
		summary:  getenv("GITHUB_STEP_SUMMARY"),
		event:    getenv("GITHUB_EVENT_PATH"),
		ref:      getenv("GITHUB_REF"),
		page:     page(getenv),
	}
}

// Active says whether pawl runs in a GitHub Actions job.
func (r Runner) Active() bool { return r.active }

// SetOutput gives later steps a value. Outside a job it does nothing.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#setting-an-output-parameter
func (r Runner) SetOutput(name, value string) error {
	if r.output == "" {
		return nil
	}
	delimiter, err := r.delimiter()
	if err != nil {
		return fmt.Errorf("setting the output %s: %w", name, err)
	}
	if strings.ContainsAny(name, "\r\n=<") || strings.Contains(value, delimiter) {
		return fmt.Errorf("setting the output %q: the name or the value would break out of the file", name)
	}
	return appendFile(r.output, fmt.Sprintf("%s<<%s\n%s\n%s\n", name, delimiter, value, delimiter))
}

// maxSummary is the size that the runner takes for one step's summary; it drops
// a larger one whole.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
const maxSummary = 1 << 20

// Summarizes says whether there is a summary to add to, which there is in a job.
func (r Runner) Summarizes() bool { return r.summary != "" }

// Summary adds Markdown to the summary of the job. Outside a job it does nothing.
func (r Runner) Summary(markdown string) error {
	if !r.Summarizes() {
		return nil
	}
	const more = "\n\n(cut: see the log of the step)\n"
	if len(markdown) > maxSummary {
		cut := strings.LastIndexByte(markdown[:maxSummary-len(more)], '\n')
		markdown = markdown[:max(cut, 0)] + more
	}
	return appendFile(r.summary, markdown)
}

// Quote puts text that others may have written between marks that keep the runner
// from obeying it: a line of a file that begins with "::" is no command then.
// Outside a job the text stays as it is.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#stopping-and-starting-workflow-commands
func (r Runner) Quote(text string) (string, error) {
	if !r.active || text == "" {
		return text, nil
	}
	mark, err := r.delimiter()
	if err != nil {
		return "", fmt.Errorf("quoting the output for the runner: %w", err)
	}
	return fmt.Sprintf("::stop-commands::%[1]s\n%[2]s::%[1]s::\n", mark, text), nil
}

// delimiter is a text that nobody can have foreseen.
func (r Runner) delimiter() (string, error) {
	var random [16]byte
	if _, err := io.ReadFull(r.Random, random[:]); err != nil {
		return "", fmt.Errorf("making a delimiter: %w", err)
	}
	return fmt.Sprintf("pawl_%x", random), nil
}

// Error annotates the run with an error. Outside a job it does nothing.
func (r Runner) Error(title, message string) { r.annotate("error", title, message) }

// Notice annotates the run with something to know. Outside a job it does nothing.
func (r Runner) Notice(title, message string) { r.annotate("notice", title, message) }

func (r Runner) annotate(kind, title, message string) {
	if r.active {
		_, _ = fmt.Fprintf(r.Commands, "::%s title=%s::%s\n", kind, escapeProperty(title), escapeData(message))
	}
}

// Mask makes the runner hide a value in the log from here on.
func (r Runner) Mask(secret string) {
	if r.active && secret != "" {
		_, _ = fmt.Fprintf(r.Commands, "::add-mask::%s\n", escapeData(secret))
	}
}

// escapeData and escapeProperty encode what the runner decodes.
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

func appendFile(name, text string) (err error) {
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening a file of the runner: %w", err)
	}
	defer func() {
		if closing := file.Close(); err == nil && closing != nil {
			err = fmt.Errorf("writing %s: %w", name, closing)
		}
	}()
	if _, err := file.WriteString(text); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
