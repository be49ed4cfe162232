package speech

import "strings"

// Voice is what a voice of Amazon Polly sounds like. Applications name those whatever engine speaks.
type Voice struct {
	Name     string // Polly's
	Language string // BCP 47
	Female   bool
}

// DefaultVoice speaks where an application names no voice.
const DefaultVoice = "Joanna"

// FindVoice gives what is known of a Polly voice, by its name in any case.
func FindVoice(name string) (Voice, bool) {
	for line := range strings.Lines(voices) {
		f := strings.Fields(line)
		for _, n := range f[2:] {
			if strings.EqualFold(n, name) {
				return Voice{Name: n, Language: f[0], Female: f[1] == "F"}, true
			}
		}
	}
	return Voice{}, false
}

// voices lists Polly's voices (https://docs.aws.amazon.com/polly/latest/dg/available-voices.html): language, gender, names.
const voices = `arb F Zeina
ar-AE F Hala
ar-AE M Zayd
ca-ES F Arlet
cmn-CN F Zhiyu
cs-CZ F Jitka
cy-GB F Gwyneth
da-DK F Naja Sofie
da-DK M Mads
de-AT F Hannah
de-CH F Sabrina
de-DE F Marlene Vicki
de-DE M Hans Daniel Lennart
en-AU F Nicole Olivia
en-AU M Russell
en-GB F Amy Emma
en-GB M Brian Arthur
en-GB-WLS M Geraint
en-IE F Niamh
en-IN F Raveena Kajal Aditi
en-NZ F Aria
en-SG F Jasmine
en-US F Joanna Danielle Ivy Kendra Kimberly Ruth Salli Tiffany
en-US M Matthew Gregory Joey Justin Kevin Stephen Patrick
en-ZA F Ayanda
es-ES F Lucia Conchita Alba
es-ES M Enrique Sergio Raul
es-MX F Mia
es-MX M Andres
es-US F Lupe Penelope
es-US M Miguel Pedro
fi-FI F Suvi
fr-BE F Isabelle
fr-CA F Chantal Gabrielle
fr-CA M Liam
fr-FR F Celine Lea Ambre
fr-FR M Mathieu Remi Florian
is-IS F Dora
is-IS M Karl
it-IT F Carla Bianca Beatrice
it-IT M Giorgio Adriano Lorenzo
ja-JP F Mizuki Kazuha Tomoko
ja-JP M Takumi
ko-KR F Seoyeon Jihye
nb-NO F Liv Ida
nl-BE F Lisa
nl-NL F Lotte Laura
nl-NL M Ruben
pl-PL F Ewa Maja Ola
pl-PL M Jacek Jan
pt-BR F Camila Vitoria
pt-BR M Ricardo Thiago
pt-PT F Ines
pt-PT M Cristiano
ro-RO F Carmen
ru-RU F Tatyana
ru-RU M Maxim
sv-SE F Astrid Elin
tr-TR F Filiz Burcu
yue-CN F Hiujin
`
