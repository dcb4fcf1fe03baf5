package actions

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// runner is a job with its files in a folder of the test.
func runner(t *testing.T, event string) (Runner, *bytes.Buffer, string) {
	t.Helper()
	dir := t.TempDir()
	env := map[string]string{
		"GITHUB_ACTIONS":      "true",
		"GITHUB_OUTPUT":       filepath.Join(dir, "output"),
		"GITHUB_STEP_SUMMARY": filepath.Join(dir, "summary"),
	}
	if event != "" {
		env["GITHUB_EVENT_PATH"] = filepath.Join(dir, "event.json")
		if err := os.WriteFile(env["GITHUB_EVENT_PATH"], []byte(event), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	random := strings.NewReader(strings.Repeat("0123456789abcdef", 64))
	return FromEnv(func(name string) string { return env[name] }, &log, random), &log, dir
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestSetOutputHoldsOneValue(t *testing.T) {
	t.Parallel()
	r, _, dir := runner(t, "")
	if err := r.SetOutput("commit", "a\nEOF\nother=1"); err != nil {
		t.Fatal(err)
	}
	delimiter := "pawl_30313233343536373839616263646566"
	want := "commit<<" + delimiter + "\na\nEOF\nother=1\n" + delimiter + "\n"
	if diff := cmp.Diff(want, read(t, dir, "output")); diff != "" {
		t.Error(diff)
	}
	if err := r.SetOutput("commit", "x\n"+delimiter+"\nevil=1"); err == nil {
		t.Error("a value that holds the delimiter was written")
	}
	if err := r.SetOutput("a\nb", "x"); err == nil {
		t.Error("a name with a line break was written")
	}
}

func TestCommandsAreEscaped(t *testing.T) {
	t.Parallel()
	r, log, _ := runner(t, "")
	r.Error("a:b,c", "100%\r\n::set-env name=X::y")
	r.Mask("se%cret")
	want := "::error title=a%3Ab%2Cc::100%25%0D%0A::set-env name=X::y\n::add-mask::se%25cret\n"
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSummaryStaysWithinTheLimit(t *testing.T) {
	t.Parallel()
	r, _, dir := runner(t, "")
	if err := r.Summary(strings.Repeat("0123456789\n", maxSummary/10)); err != nil {
		t.Fatal(err)
	}
	got := read(t, dir, "summary")
	if len(got) > maxSummary || !strings.HasSuffix(got, "0123456789\n\n(cut: see the log of the step)\n") {
		t.Errorf("the summary has %d bytes and ends in %q", len(got), got[len(got)-60:])
	}
}

func TestPullRequest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		event string
		want  int
		known bool
	}{
		{`{"pull_request":{"number":12}}`, 12, true},
		{`{"issue":{"number":13,"pull_request":{"url":"x"}}}`, 13, true},
		{`{"issue":{"number":13}}`, 0, false},
		{`{"ref":"refs/heads/dev"}`, 0, false},
		{"", 0, false},
	} {
		r, _, _ := runner(t, test.event)
		got, known, err := r.PullRequest()
		if err != nil || got != test.want || known != test.known {
			t.Errorf("%s: got %d, %v, %v", test.event, got, known, err)
		}
	}
	r, _, _ := runner(t, "{")
	if _, _, err := r.PullRequest(); err == nil {
		t.Error("a broken event was read")
	}
}

func TestOutsideAJobNothingIsWritten(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := FromEnv(func(string) string { return "" }, &log, strings.NewReader(""))
	if err := r.SetOutput("a", "b"); err != nil {
		t.Error(err)
	}
	if err := r.Summary("text"); err != nil {
		t.Error(err)
	}
	r.Error("a", "b")
	r.Mask("c")
	if log.Len() > 0 {
		t.Errorf("wrote %q", log.String())
	}
}

func TestQuoteKeepsTextFromBeingObeyed(t *testing.T) {
	t.Parallel()
	r, _, _ := runner(t, "")
	got, err := r.Quote("+ ::set-env name=X::y\n")
	if err != nil {
		t.Fatal(err)
	}
	mark := "pawl_30313233343536373839616263646566"
	want := "::stop-commands::" + mark + "\n+ ::set-env name=X::y\n::" + mark + "::\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	outside := FromEnv(func(string) string { return "" }, nil, nil)
	if got, err := outside.Quote("text"); got != "text" || err != nil {
		t.Errorf("outside a job: got %q, %v", got, err)
	}
}
