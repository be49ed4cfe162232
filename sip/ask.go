package sip

import (
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// maxAsks is how often a request outside of dialogs is sent again with credentials.
const maxAsks = 2

// ask sends a request outside of dialogs to a trunk's peer and answers its challenges. then is called once, on the shard,
// with the final response or an error. It must be called on the shard of the request's Call-ID.
func (s *Server) ask(p *peering, m *message.Message, to transport.Target, then func(*message.Message, error)) {
	s.askAgain(p, m, to, 0, then)
}

func (s *Server) askAgain(p *peering, m *message.Message, to transport.Target, tries int, then func(*message.Message, error)) {
	s.layer.Send(m, to, func(_ *transaction.Client, resp *message.Message, err error) {
		switch {
		case resp != nil && resp.Status < 200:
			return
		case tries < maxAsks && dialog.Challenged(resp):
			note := func(text string) { s.cfg.Log.Debug(text, "trunk", p.trunk.ID, "peer", to.Addr) }
			if login := s.loginOf(p, to.Addr.Addr(), note); login != nil {
				if rows := login(m, resp, to); len(rows) > 0 {
					s.askAgain(p, dialog.Again(m, m.CSeq.Number+1, rows), to, tries+1, then)
					return
				}
			}
		}
		then(resp, err)
	})
}
