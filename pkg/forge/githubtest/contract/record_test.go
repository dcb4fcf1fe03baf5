package contract_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
)

func TestRecord(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(contract.DirVariable, dir)
	first, second := contract.Record(), contract.Record()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			first(githubtest.Exchange{Method: "GET", Path: "/api/v3/user", Status: 200, ResponseBody: []byte("{\n}")})
		})
	}
	group.Wait()
	second(githubtest.Exchange{Method: "POST"})
	names, err := filepath.Glob(filepath.Join(dir, "*"+contract.Suffix))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 2 {
		t.Fatalf("two observers wrote the files %v", names)
	}
	recorded, err := readExchanges(dir)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, e := range recorded {
		count[e.Method+" "+e.Path+" "+string(e.ResponseBody)]++
	}
	if diff := cmp.Diff(map[string]int{"GET /api/v3/user {\n}": 20, "POST  ": 1}, count); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func TestRecordNothing(t *testing.T) {
	t.Setenv(contract.DirVariable, "")
	if contract.Record() != nil {
		t.Error("an observer although there is no directory")
	}
}

func TestRecordTellsWhenItCannot(t *testing.T) {
	t.Setenv(contract.DirVariable, filepath.Join(t.TempDir(), "missing"))
	defer func() {
		err, ok := recover().(error)
		if !ok || !strings.Contains(err.Error(), contract.DirVariable) {
			t.Errorf("recovered %v", err)
		}
	}()
	contract.Record()(githubtest.Exchange{})
	t.Error("an exchange was lost without a word")
}

func TestHalfALineIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"+contract.Suffix), []byte(`{"Method":"GET"}`+"\n"+`{"Meth`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readExchanges(dir); err == nil {
		t.Error("no error")
	}
}
