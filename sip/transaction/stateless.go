package transaction

import (
	"hash/maphash"
	"strconv"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// retryAfter is what a 503 asks for, in seconds.
const retryAfter = "5"

// answer sends a response without a transaction: the same one for a repeated request, To-tag included (RFC 3261 section
// 8.2.7). It may be called from any goroutine.
func (l *Layer) answer(in *transport.Incoming, req *message.Message, status int, reason string) {
	m := message.NewResponse(req, status, reason)
	m.Tag(l.statelessTag(req))
	if status == 503 {
		m.Add("Retry-After", retryAfter)
	}
	data, err := m.Append(nil)
	if err != nil {
		return // what was received can't be mirrored, so it can't be answered
	}
	_ = l.cfg.Transport.Send(in.Reply(), data, nil) // who sent nonsense and can't be told is no concern
}

// statelessTag gives the To-tag of answers without a transaction.
func (l *Layer) statelessTag(req *message.Message) string {
	var h maphash.Hash
	h.SetSeed(l.seed)
	h.WriteString(req.CallID)
	h.WriteByte(0)
	h.WriteString(req.FromTag)
	h.WriteByte(0)
	h.WriteString(req.Via.Branch)
	return strconv.FormatUint(h.Sum64(), 36)
}
