package contract_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
)

var (
	descriptionFile = flag.String("description", "", "GitHub's OpenAPI description, a `file`")
	schemaFile      = flag.String("schema", "", "GitHub's GraphQL schema, a `file`")
	exchangesDir    = flag.String("exchanges", "", "the `directory` with the recorded exchanges")
)

// TestContract compares every recorded exchange with GitHub's descriptions, and
// then shows that it would have noticed mistakes in them. The whole test suite
// must have been recorded, as make does: an exception that nothing needs, or fewer
// exchanges than usual, is a failure.
func TestContract(t *testing.T) {
	if *descriptionFile == "" || *schemaFile == "" || *exchangesDir == "" {
		t.Skip("-description, -schema and -exchanges are not given; make contract does")
	}
	p := load(t)
	exchanges, err := readExchanges(*exchangesDir)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(exchanges, func(a, b githubtest.Exchange) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Query, b.Query), bytes.Compare(a.RequestBody, b.RequestBody))
	})
	if t.Run("recorded", func(t *testing.T) { p.checkAll(t, exchanges) }) {
		t.Run("notices", func(t *testing.T) { p.checkChanged(t, exchanges) })
	}
}

// published is what GitHub publishes about its API.
type published struct {
	description description
	schema      *ast.Schema
}

func load(t *testing.T) published {
	t.Helper()
	d, err := loadDescription(*descriptionFile)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := loadGraphQL(*schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return published{d, schema}
}

func (p published) check(e githubtest.Exchange) []violation {
	if e.GraphQL {
		return checkGraphQL(p.schema, e)
	}
	return p.description.check(e)
}

func (p published) checkAll(t *testing.T, exchanges []githubtest.Exchange) {
	found := map[violation]githubtest.Exchange{} // with an example
	for _, e := range exchanges {
		for _, v := range p.check(e) {
			if _, seen := found[v]; !seen {
				found[v] = e
			}
		}
	}
	used := map[exception]bool{}
	for _, v := range slices.SortedFunc(maps.Keys(found), compareViolations) {
		if i := slices.IndexFunc(exceptions, func(x exception) bool { return x.covers(v) }); i >= 0 {
			used[exceptions[i]] = true
			continue
		}
		t.Errorf("%s\n\tfor example %s", v, show(found[v]))
	}
	for _, x := range exceptions {
		if !used[x] {
			t.Errorf("remove the exception that nothing needs: %s, %s, %s: %s", cmp.Or(x.operation, "every operation"), x.side, x.at, x.problem)
		}
	}
	compareCounts(t, p.count(exchanges))
}

func compareViolations(a, b violation) int { return cmp.Compare(a.String(), b.String()) }

// show is an exchange on a line or two.
func show(e githubtest.Exchange) string {
	clip := func(body []byte) string {
		if len(body) > 400 {
			return string(body[:400]) + "…"
		}
		return string(body)
	}
	return fmt.Sprintf("%s %s?%s %s\n\tanswered with %d %s", e.Method, e.Path, e.Query, clip(e.RequestBody), e.Status, clip(e.ResponseBody))
}

// The kinds of what is compared.
const (
	pawlRequests = "REST requests that pawl sent"
	answers      = "REST answers"
	refusals     = "REST answers that refuse"
	operations   = "REST operations that were carried out"
	graphqlSent  = "GraphQL requests"
	graphqlDone  = "GraphQL answers with data"
)

// floors are about half of what the suite makes, so that tests may go but not
// silently stop recording.
var floors = map[string]int{
	pawlRequests: 3000, answers: 2000, refusals: 150, operations: 40, graphqlSent: 350, graphqlDone: 200,
}

func (p published) count(exchanges []githubtest.Exchange) map[string]int {
	counts := map[string]int{}
	carriedOut := map[string]bool{}
	for _, e := range exchanges {
		switch {
		case e.GraphQL:
			counts[graphqlSent]++
			if bytes.Contains(e.ResponseBody, []byte(`"data":{`)) {
				counts[graphqlDone]++
			}
			continue
		case fromPawl(e):
			counts[pawlRequests]++
		}
		if e.Status != 0 {
			counts[answers]++
		}
		if e.Status >= 400 {
			counts[refusals]++
		}
		if e.Status >= 200 && e.Status < 300 {
			if o, _, err := p.description.find(e.Method, e.Path); err == nil {
				carriedOut[o.String()] = true
			}
		}
	}
	counts[operations] = len(carriedOut)
	return counts
}

func compareCounts(t *testing.T, counts map[string]int) {
	t.Helper()
	for _, kind := range slices.Sorted(maps.Keys(floors)) {
		t.Logf("%5d %s", counts[kind], kind)
		if counts[kind] < floors[kind] {
			t.Errorf("%d %s were compared, and there should be %d at least: does every test record?", counts[kind], kind, floors[kind])
		}
	}
}

func readExchanges(dir string) ([]githubtest.Exchange, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*"+contract.Suffix))
	if err != nil {
		return nil, err
	}
	var all []githubtest.Exchange
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, len(data)+1)
		for lines.Scan() {
			var e githubtest.Exchange
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
			all = append(all, e)
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	return all, nil
}
