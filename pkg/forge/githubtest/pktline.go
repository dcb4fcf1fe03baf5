package githubtest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The pkt-line framing and the commands of a push [gitprotocol-common(5),
// gitprotocol-pack(5)].

// maxPacket is the longest payload of a pkt-line.
const maxPacket = 65516

// command is one ref that a push wants to change.
type command struct {
	before, after, ref string
}

// pushRequest is what comes before the pack in a push.
type pushRequest struct {
	commands     []command
	capabilities []string
	pack         []byte
}

func (p *pushRequest) can(capability string) bool {
	return slices.Contains(p.capabilities, capability)
}

var errPacket = errors.New("malformed pkt-line")

// cutPacket splits the first pkt-line off; a flush has no payload.
func cutPacket(data []byte) (payload, rest []byte, flush bool, err error) {
	if len(data) < 4 {
		return nil, nil, false, errPacket
	}
	size, err := strconv.ParseUint(string(data[:4]), 16, 16)
	switch {
	case err != nil, size > 0 && size < 4, int(size) > len(data): // 16 bits
		return nil, nil, false, errPacket
	case size == 0:
		return nil, data[4:], true, nil
	}
	return data[4:size], data[size:], false, nil
}

// parsePush reads the body of git-receive-pack up to the pack.
func parsePush(body []byte) (*pushRequest, error) {
	push := &pushRequest{}
	for rest := body; ; {
		payload, after, flush, err := cutPacket(rest)
		if err != nil {
			return nil, err
		}
		rest = after
		if flush {
			push.pack = rest
			return push, nil
		}
		line, capabilities, first := strings.Cut(string(payload), "\x00")
		if first {
			push.capabilities = strings.Fields(capabilities)
		}
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "shallow ") {
			continue
		}
		fields := strings.SplitN(line, " ", 3)
		if len(fields) != 3 || !validSHA(fields[0]) || !validSHA(fields[1]) {
			return nil, errPacket
		}
		push.commands = append(push.commands, command{fields[0], fields[1], fields[2]})
	}
}

// packet frames one payload.
func packet(payload string) string { return fmt.Sprintf("%04x%s", len(payload)+4, payload) }

// refusal is the answer to a push of which nothing is taken: lines for the
// terminal on side band 2, and the report on side band 1 [gitprotocol-pack(5),
// report status]. Every ref is told the same, as GitHub does with a refused push.
func (p *pushRequest) refusal(reason string, lines []string) []byte {
	report := packet("unpack ok\n")
	for _, c := range p.commands {
		report += packet("ng " + c.ref + " " + reason + "\n")
	}
	report += "0000"
	if !p.can("report-status") && !p.can("report-status-v2") {
		report = ""
	}
	if !p.can("side-band-64k") {
		return []byte(report)
	}
	var out strings.Builder
	for _, line := range lines {
		out.WriteString(packet("\x02" + line + "\n"))
	}
	for len(report) > 0 {
		n := min(len(report), maxPacket-1)
		out.WriteString(packet("\x01" + report[:n]))
		report = report[n:]
	}
	return []byte(out.String() + "0000")
}
