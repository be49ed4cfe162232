package arch_test

// floor is one package of the plan: where it stands, what of ours it may import beyond the floors below, and what it
// must never import although that stands lower.
type floor struct {
	level   int
	also    []string          // siblings of the same floor that it may know
	only    []string          // when set: the only packages of ours that it may import
	forbids map[string]string // package or folder/... → why
}

// floors is the plan of docs/architecture.md. A path ending in /... covers the folders below it. The longest match counts.
var floors = map[string]floor{
	"header": {level: 0},
	"call":   {level: 0, also: []string{"header"}},

	"directory": {level: 1},
	"invoke":    {level: 1},
	"media":     {level: 1},
	"media/...": {level: 1, also: []string{"media", "media/..."}},

	"sip/message":          {level: 2, also: []string{}, only: []string{"header"}},
	"sip/digest":           {level: 2, also: []string{}, only: []string{"header"}},
	"sip/registrar":        {level: 2, also: []string{}, only: []string{"directory"}},
	"sip/transport":        {level: 2, also: []string{"sip/message"}},
	"sip/claim":            {level: 2, also: []string{}, only: []string{}},
	"sip/signature":        {level: 2, also: []string{}, only: []string{"header"}},
	"sip/transport/memnet": {level: 2, also: []string{"sip/transport"}},
	"sip/transport/testca": {level: 2, only: []string{}},
	"sip/guard":            {level: 2, only: []string{}},
	"sip/profile":          {level: 2, also: []string{}, only: []string{"directory", "header"}},
	"sip/locate":           {level: 2, only: []string{}},
	"sip/transaction":      {level: 2, also: []string{"sip/message", "sip/transport"}},
	"sip/dialog":           {level: 2, also: []string{"sip/message", "sip/transport", "sip/transaction"}},
	"sip": {level: 2, also: []string{"sip/..."}, forbids: map[string]string{
		"engine": "a leg reports to a call without knowing how calls are run",
	}},
	"engine": {level: 2, forbids: map[string]string{
		"sip": "a call is run without knowing how its legs are signalled", "sip/...": "as sip",
	}},
	"speech":      {level: 2},
	"speech/...":  {level: 2, also: []string{"speech"}},
	"route":       {level: 2},
	"dialect":     {level: 2},
	"store/...":   {level: 2, also: []string{"store/storetest"}},
	"far":         {level: 2, also: []string{"sip", "sip/..."}},
	"dialect/...": {level: 3, only: []string{"header", "call", "directory", "dialect", "invoke"}},

	"dialect/dialecttest": {level: 3, only: []string{"header", "call", "directory", "dialect", "invoke", "media"}},

	"exchange":       {level: 4, only: []string{"header", "call", "directory", "route", "dialect", "engine"}},
	"api":            {level: 5, only: []string{"header", "call", "exchange", "dialect", "directory"}},
	"cmd/switchhook": {level: 6},
}

// outside are folders that may import anything and that nothing imports.
var outside = []string{"test/", "examples/", "cmd/switchhook/"}

// walls names, for each third party, the only folders that may import it. The reason is the same for all: an exchange
// of the library must touch one folder.
var walls = map[string][]string{
	"github.com/emiago/sipgo":                            {"test/"},
	"github.com/icholy/digest":                           {"sip/digest", "test/"},
	"github.com/go-jose/":                                {"sip/signature"},
	"github.com/pion/":                                   {"media/"},
	"modernc.org/sqlite":                                 {"store/sqlite"},
	"github.com/pressly/goose":                           {"store/sqlite"},
	"github.com/aws/aws-sdk-go-v2/service/lambda":        {"invoke"},
	"github.com/aws/aws-sdk-go-v2/service/polly":         {"speech/polly"},
	"github.com/aws/aws-sdk-go-v2/aws/protocol":          {"speech/lex"},
	"github.com/aws/aws-sdk-go-v2/service/s3":            {"media/clip"},
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice": {"test/", "examples/"},
	"github.com/aws/aws-lambda-go":                       {"test/", "examples/"},
	"gocloud.dev/":                                       {"media/clip"},
	"github.com/hajimehoshi/go-mp3":                      {"media/clip"},
	"github.com/alecthomas/kong":                         {"cmd/switchhook"},
	"github.com/goccy/go-yaml":                           {"cmd/switchhook"},
	"github.com/danielgtaylor/huma":                      {"api"},
	"github.com/prometheus/":                             {"api"},
	"github.com/miekg/dns":                               {"sip/locate", "test/"},
}
