package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDrawTerminal(t *testing.T) {
	t.Parallel()
	drawn, err := drawTerminal("A & B", "$ pawl <x>\n\x1b[1mBOLD\x1b[0m  and  \x1b[31mred ü\x1b[0m\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for decoder := xml.NewDecoder(strings.NewReader(string(drawn))); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "text" {
			continue
		}
		piece := ""
		for _, attr := range start.Attr {
			if attr.Name.Local != "lengthAdjust" {
				piece += attr.Name.Local + "=" + attr.Value + " "
			}
		}
		var text string
		if err := decoder.DecodeElement(&text, &start); err != nil {
			t.Fatal(err)
		}
		got = append(got, piece+text)
	}
	want := []string{
		"x=16.0 y=31 textLength=84.0 $ pawl <x>",
		"class=b x=16.0 y=51 textLength=33.6 BOLD", "x=66.4 y=51 textLength=25.2 and", "class=r x=108.4 y=51 textLength=42.0 red ü",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"\x1b[35mpurple", "\x1b[2J", "a\tb"} {
		if _, err := drawTerminal("", text); err == nil {
			t.Errorf("%q is drawn", text)
		}
	}
}
