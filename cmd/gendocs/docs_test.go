package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/audit"
	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/cli"
	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/doctor"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
	"github.com/getpawl/pawl/pkg/promotion"
)

// docsRoot is the root of the repository.
const docsRoot = "../.."

// page is one page of the documentation.
type page struct {
	name   string // from the root, with slashes
	text   string
	blocks []block
}

// block is a fenced block of code.
type block struct {
	lang   string
	line   int    // of the fence, from 1
	text   string // without the fences
	before string // the nearest line above that is not empty
}

// pages reads README.md and everything under docs.
func pages(t *testing.T) []page {
	t.Helper()
	names := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md"}
	err := filepath.WalkDir(filepath.Join(docsRoot, "docs"), func(name string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".md") {
			rel, relErr := filepath.Rel(docsRoot, name)
			names = append(names, filepath.ToSlash(rel))
			return relErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []page
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(docsRoot, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page{name, string(text), blocksOf(string(text))})
	}
	return all
}

func readPage(t *testing.T, name string) page {
	t.Helper()
	for _, p := range pages(t) {
		if p.name == name {
			return p
		}
	}
	t.Fatalf("there is no page %s", name)
	return page{}
}

// blocksOf finds the fenced blocks of a page.
func blocksOf(text string) []block {
	var blocks []block
	var open *block
	before := ""
	for i, line := range strings.Split(text, "\n") {
		fence := strings.HasPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{lang: strings.TrimPrefix(line, "```"), line: i + 1, before: before}
		case fence:
			blocks = append(blocks, *open)
			open, before = nil, ""
		case open != nil:
			open.text += line + "\n"
		case strings.TrimSpace(line) != "":
			before = line
		}
	}
	return blocks
}

// prose is a page without its fenced blocks.
func (p page) prose() string {
	var out strings.Builder
	inside := false
	for line := range strings.Lines(p.text) {
		if strings.HasPrefix(line, "```") {
			inside = !inside
			continue
		}
		if !inside {
			out.WriteString(line)
		}
	}
	return out.String()
}

func (p page) at(b block) string { return fmt.Sprintf("%s:%d", p.name, b.line) }

var (
	linkRegexp    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codeRegexp    = regexp.MustCompile("`[^`]*`")
	headingRegexp = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
)

// Every link that stays in the repository leads to a file, and to a heading in it.
func TestLinksResolve(t *testing.T) {
	t.Parallel()
	for _, p := range pages(t) {
		for _, match := range linkRegexp.FindAllStringSubmatch(codeRegexp.ReplaceAllString(p.prose(), ""), -1) {
			if target := match[1]; !strings.Contains(target, "://") && !strings.HasPrefix(target, "mailto:") {
				if err := resolve(p, target); err != nil {
					t.Errorf("%s: the link to %s: %v", p.name, target, err)
				}
			}
		}
	}
}

func resolve(from page, target string) error {
	file, anchor, _ := strings.Cut(target, "#")
	text := from.text
	if file != "" {
		data, err := os.ReadFile(filepath.Join(docsRoot, path.Join(path.Dir(from.name), file)))
		if err != nil {
			return err
		}
		text = string(data)
	}
	if anchor != "" && !slices.Contains(anchors(text), anchor) {
		return fmt.Errorf("there is no heading #%s", anchor)
	}
	return nil
}

// anchors are the names that GitHub gives to headings.
func anchors(text string) []string {
	var list []string
	seen := map[string]int{}
	for _, match := range headingRegexp.FindAllStringSubmatch(page{text: text}.prose(), -1) {
		name := slug(match[1])
		if n := seen[name]; n > 0 {
			list = append(list, fmt.Sprintf("%s-%d", name, n))
		} else {
			list = append(list, name)
		}
		seen[name]++
	}
	return list
}

func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// Every page says in its first paragraph what it is for, and is in the index.
func TestPagesAreListed(t *testing.T) {
	t.Parallel()
	index := readPage(t, "docs/index.md")
	for _, p := range pages(t) {
		rel, inDocs := strings.CutPrefix(p.name, "docs/")
		if !inDocs || p.name == index.name || strings.HasPrefix(rel, "reference/pawl_") {
			continue
		}
		if !strings.Contains(index.text, "]("+rel+")") {
			t.Errorf("docs/index.md does not list %s", rel)
		}
	}
}

// Every configuration that is shown is one that pawl reads.
func TestConfigurationsAreValid(t *testing.T) {
	t.Parallel()
	shown := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.lang != "yaml" || !isConfiguration(b.text) {
				continue
			}
			shown++
			if _, err := config.Parse(p.at(b), []byte(b.text)); err != nil {
				t.Error(err)
			}
		}
	}
	if shown == 0 {
		t.Error("no configuration is shown anywhere")
	}
}

func isConfiguration(text string) bool {
	return strings.HasPrefix(text, "# yaml-language-server:") || strings.HasPrefix(text, "version: 1\n")
}

// A workflow that is shown puts no value into the text of a script.
func TestWorkflowsQuoteNothing(t *testing.T) {
	t.Parallel()
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			for _, script := range scripts(b) {
				if strings.Contains(script, "${{") {
					t.Errorf("%s: a value goes into the script %q: use env", p.at(b), script)
				}
			}
		}
	}
}

// scripts are the lines of a block that a shell runs.
func scripts(b block) []string {
	var list []string
	deep := -1 // the indentation of "run: |", while in its text
	for line := range strings.Lines(b.text) {
		text := strings.TrimSpace(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case b.lang == "console":
			if command, ok := strings.CutPrefix(text, "$ "); ok {
				list = append(list, command)
			}
			continue
		case b.lang == "sh":
			list = append(list, text)
			continue
		case b.lang != "yaml":
			continue
		}
		if deep >= 0 && (indent > deep || text == "") {
			list = append(list, text)
			continue
		}
		deep = -1
		key := strings.TrimPrefix(text, "- ")
		switch {
		case key == "run: |":
			deep = indent + len(text) - len(key) // where the keys of the step are
		case strings.HasPrefix(key, "run: "):
			list = append(list, strings.TrimPrefix(key, "run: "))
		case strings.HasPrefix(key, "args: "):
			list = append(list, "pawl "+strings.TrimPrefix(key, "args: "))
		}
	}
	return list
}

// Every command of pawl that is shown, in a block or in the text, is one that
// exists, with flags that exist.
func TestCommandsExist(t *testing.T) {
	t.Parallel()
	inline := regexp.MustCompile("`(pawl [^`]+)`")
	shown := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			for _, script := range scripts(b) {
				for _, line := range commands(script) {
					shown++
					if err := exists(line); err != nil {
						t.Errorf("%s: %q: %v", p.at(b), line, err)
					}
				}
			}
		}
		for _, match := range inline.FindAllStringSubmatch(strings.ReplaceAll(p.prose(), "\n", " "), -1) {
			shown++
			if err := exists(match[1]); err != nil {
				t.Errorf("%s: %q: %v", p.name, match[1], err)
			}
		}
	}
	if shown < 50 {
		t.Errorf("%d commands were found, which cannot be all", shown)
	}
}

// commands are the commands of pawl in a line of shell.
func commands(script string) []string {
	script, _, _ = strings.Cut(script, " #")
	var list []string
	for _, part := range regexp.MustCompile(`\|\||&&|[|;]`).Split(script, -1) {
		if part = strings.TrimSpace(part); strings.HasPrefix(part, "pawl ") {
			list = append(list, part)
		}
	}
	return list
}

// exists checks the command and the flags of a line.
func exists(line string) error {
	line, _, _ = strings.Cut(line, " > ")
	words := strings.Fields(line)[1:]
	root := cli.Tree()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find(words)
	if err != nil {
		return err
	}
	if cmd == root && len(words) > 0 && !strings.HasPrefix(words[0], "-") {
		return fmt.Errorf("there is no command %q", words[0])
	}
	for _, word := range words {
		name, isFlag := strings.CutPrefix(word, "-")
		if !isFlag || name == "" {
			continue
		}
		if !hasFlag(cmd, name) {
			return fmt.Errorf("%s has no flag %s", cmd.CommandPath(), word)
		}
	}
	return nil
}

// hasFlag looks a flag up: "-env" for --env, or the letter of a short one.
func hasFlag(cmd *cobra.Command, name string) bool {
	long, isLong := strings.CutPrefix(name, "-")
	long, _, _ = strings.Cut(long, "=")
	if isLong {
		return long == "help" || cmd.Flags().Lookup(long) != nil || cmd.InheritedFlags().Lookup(long) != nil
	}
	short := name[:1]
	return short == "h" || cmd.Flags().ShorthandLookup(short) != nil || cmd.InheritedFlags().ShorthandLookup(short) != nil
}

// The Go test that is shown is the one beside this file, which compiles and passes.
func TestShownTestIsReal(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("githubtest_test.go")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(string(source), "package main_test", "package release_test", 1)
	for _, b := range readPage(t, "docs/how-to/githubtest.md").blocks {
		if b.lang != "go" {
			continue
		}
		if diff := cmp.Diff(want, b.text); diff != "" {
			t.Errorf("(-githubtest_test.go +page)\n%s", diff)
		}
		return
	}
	t.Error("no Go test is shown")
}

var markRegexp = regexp.MustCompile(`^<!-- (set|refuse): (\S+) (.+) -->$`)

// The differences and the refusals in the page about formats are what a bump does.
func TestFormatsAreWhatABumpDoes(t *testing.T) {
	t.Parallel()
	p := readPage(t, "docs/reference/formats.md")
	marks := 0
	for i, b := range p.blocks {
		match := markRegexp.FindStringSubmatch(b.before)
		if match == nil {
			continue
		}
		marks++
		request := requestOf(t, match[2], strings.Fields(match[3]))
		if match[1] == "set" {
			checkSet(t, p.at(b), match[2], b.text, request)
			continue
		}
		_, err := bump.Compute([]bump.File{{Path: match[2], Content: []byte(b.text)}}, request)
		if err == nil {
			t.Errorf("%s: it is not refused", p.at(b))
			continue
		}
		if diff := cmp.Diff(err.Error()+"\n", p.blocks[i+1].text); diff != "" {
			t.Errorf("%s: (-program +page)\n%s", p.at(p.blocks[i+1]), diff)
		}
	}
	if want := strings.Count(p.text, "<!-- set: ") + strings.Count(p.text, "<!-- refuse: "); marks != want {
		t.Errorf("%d of %d marks stand above a block", marks, want)
	}
}

// requestOf reads images and options from a mark.
func requestOf(t *testing.T, file string, words []string) bump.Request {
	t.Helper()
	var request bump.Request
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch {
		case word == "--add":
			request.Add = true
		case name == "--digest-policy":
			policy, err := manifest.ParseDigestPolicy(value)
			if err != nil {
				t.Fatal(err)
			}
			request.Digests = policy
		case name == "--field":
			request.Images = []config.Image{{Name: "named", Repository: request.Settings[0].Match,
				Fields: []config.Field{{File: file, Path: value}}}}
		default:
			setting, err := image.ParseSetting(word)
			if err != nil {
				t.Fatal(err)
			}
			request.Settings = append(request.Settings, setting)
		}
	}
	return request
}

// checkSet applies a request to the left side of a difference and compares the
// result with its right side.
func checkSet(t *testing.T, at, file, text string, request bump.Request) {
	t.Helper()
	var before, after strings.Builder
	for line := range strings.Lines(text) {
		switch rest := line[1:]; line[0] {
		case '-':
			before.WriteString(rest)
		case '+':
			after.WriteString(rest)
		case ' ':
			before.WriteString(rest)
			after.WriteString(rest)
		default:
			t.Fatalf("%s: %q is not a line of a difference", at, line)
		}
	}
	plan, err := bump.Compute([]bump.File{{Path: file, Content: []byte(before.String())}}, request)
	if err != nil {
		t.Errorf("%s: %v", at, err)
		return
	}
	if diff := cmp.Diff(string(plan.Content(file)), after.String()); diff != "" {
		t.Errorf("%s: (-program +page)\n%s", at, diff)
	}
}

var (
	fieldsRegexp = regexp.MustCompile(`(?m)^<!-- (fields|run): (.+) -->\n\n((?:\|.*\n)+)`)
	rowRegexp    = regexp.MustCompile(`(?m)^\| (` + "`[^|]+`" + `) \|`)
)

// The tables of JSON fields list what the results have, all of it and no more.
func TestFieldsAreListed(t *testing.T) {
	t.Parallel()
	results := map[string]any{
		"bump.ImageList": bump.ImageList{}, "bump.ImageUse": bump.ImageUse{}, "bump.Skipped": bump.Skipped{},
		"bump.Outcome": bump.Outcome{}, "bump.Change": bump.Change{}, "bump.Superseded": bump.Superseded{},
		"promotion.PromotePlan": promotion.PromotePlan{}, "promotion.Promotion": promotion.Promotion{},
		"promotion.ImageChange": promotion.ImageChange{}, "promotion.Commit": promotion.Commit{},
		"promotion.Verification": promotion.Verification{}, "promotion.MergePlan": promotion.MergePlan{}, "promotion.MergeReport": promotion.MergeReport{},
		"promotion.StatusReport": promotion.StatusReport{}, "promotion.EnvironmentStatus": promotion.EnvironmentStatus{},
		"promotion.OpenPromotion": promotion.OpenPromotion{}, "promotion.ImageStatus": promotion.ImageStatus{},
		"promotion.DiffReport": promotion.DiffReport{}, "promotion.DiffSide": promotion.DiffSide{}, "promotion.DiffFile": promotion.DiffFile{},
		"promotion.Rendered": promotion.Rendered{}, "promotion.RenderedObject": promotion.RenderedObject{},
		"promotion.HistoryReport": promotion.HistoryReport{}, "promotion.HistoryMove": promotion.HistoryMove{}, "promotion.HistoryPullRequest": promotion.HistoryPullRequest{},
		"promotion.TraceReport": promotion.TraceReport{}, "promotion.TraceStop": promotion.TraceStop{}, "promotion.TraceHop": promotion.TraceHop{},
		"gate.Verdict":  gate.Verdict{},
		"doctor.Report": doctor.Report{}, "doctor.Finding": doctor.Finding{}, "doctor.Unchecked": doctor.Unchecked{},
		"doctor.RulesetPlan": doctor.RulesetPlan{}, "doctor.RulesetChange": doctor.RulesetChange{},
		"audit.Report": audit.Report{}, "audit.Environment": audit.Environment{}, "audit.Finding": audit.Finding{},
		"promotion.ForeignCommit": promotion.ForeignCommit{}, "promotion.Unread": promotion.Unread{},
	}
	for _, match := range fieldsRegexp.FindAllStringSubmatch(readPage(t, "docs/reference/outputs.md").text, -1) {
		var want []string
		if match[1] == "fields" {
			result, ok := results[match[2]]
			if !ok {
				t.Errorf("there is no result %s", match[2])
				continue
			}
			delete(results, match[2])
			want = jsonFields(reflect.TypeOf(result))
		} else {
			want = printedFields(t, match[2])
		}
		listed := listedFields(match[3])
		for _, name := range want {
			if !slices.Contains(listed, name) {
				t.Errorf("%s: the field %s is not listed", match[2], name)
			}
		}
		for _, name := range listed {
			// A run does not print the optional ones.
			if match[1] == "fields" && !slices.Contains(want, name) {
				t.Errorf("%s: the field %s is listed, and not there", match[2], name)
			}
		}
	}
	for name := range results {
		t.Errorf("the fields of %s are not listed", name)
	}
}

// jsonFields are the names of a struct's fields in JSON, those of embedded structs
// included.
func jsonFields(t reflect.Type) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var names []string
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous:
			names = append(names, jsonFields(field.Type)...)
		case name != "" && name != "-":
			names = append(names, name)
		}
	}
	return names
}

// printedFields are the names that a command prints, in a folder with the demo's
// configuration.
func printedFields(t *testing.T, line string) []string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, config.FileName)
	if err := os.WriteFile(file, []byte("version: 1\nenvironments: [{name: dev, branch: dev}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, talk bytes.Buffer
	host := cli.Host{Out: &out, Err: &talk, Dir: dir, Now: time.Now, Getenv: func(string) string { return "" }}
	args := append(strings.Fields(line)[1:], "-o", "json")
	if code := cli.Main(t.Context(), args, host); code != cli.ExitDone {
		t.Fatalf("%s exited with %d: %s", line, code, talk.String())
	}
	var result map[string]any
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatal(err)
	}
	delete(result, "schemaVersion")
	return slices.Collect(maps.Keys(result))
}

// listedFields are the names in the first column of a table.
func listedFields(table string) []string {
	var names []string
	for _, row := range rowRegexp.FindAllStringSubmatch(table, -1) {
		for _, name := range strings.Split(row[1], ", ") {
			names = append(names, strings.Trim(name, "`"))
		}
	}
	return names
}

// The table of what a check says is how the gate judges it.
func TestChecksAreJudgedAsListed(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile("(?m)^\\| (commit status|check run) \\| `([a-z_]+)` \\| `([a-z]+)` \\|$")
	rows := row.FindAllStringSubmatch(readPage(t, "docs/reference/gates.md").text, -1)
	if len(rows) != 15 {
		t.Errorf("%d words are listed, want 15", len(rows))
	}
	for _, match := range rows {
		facts := gate.Facts{
			To:       config.Environment{Gates: config.Gates{Checks: []config.Check{{Name: "ci"}}}},
			Statuses: gate.Known([]forge.Status(nil)), CheckRuns: gate.Known([]forge.CheckRun(nil)),
		}
		run := forge.CheckRun{Name: "ci", Status: "completed", Conclusion: match[2]}
		if match[2] == "queued" || match[2] == "in_progress" {
			run.Status, run.Conclusion = match[2], ""
		}
		if match[1] == "commit status" {
			facts.Statuses = gate.Known([]forge.Status{{Context: "ci", State: match[2]}})
		} else {
			facts.CheckRuns = gate.Known([]forge.CheckRun{run})
		}
		for _, verdict := range gate.Evaluate(facts) {
			if verdict.Gate == "checks" && string(verdict.State) != match[3] {
				t.Errorf("a %s %q is listed as %s, and judged as %s", match[1], match[2], match[3], verdict.State)
			}
		}
	}
}
