"""A walk in Swedish."""

from tests.e2e.told.words import Words

_NEEDS = "Detta kräver rollen {role}. Be den som administrerar Segment Exports om den."
_ADMINISTRATOR = _NEEDS.format(role="administratör (administrator)")
_CONTRIBUTOR = _NEEDS.format(role="deltagare (contributor)")
_NO_CONNECTION = "Det finns ingen sådan anslutning."
_DETACHED = "Exporten är frånkopplad. Koppla en anslutning till den."

SWEDISH = Words(
    titles={
        "may not": "Du har inte behörighet till detta",
        "none": "Det finns inte",
        "not now": "Inte just nu",
        "wrong": "Något i begäran är fel",
    },
    see_errors="Se errors för vad som är fel.",
    list_help={
        "constant_contact": "Ett list-ID ser ut som 06526938-56dd-11e9-932a-fa163ea075fa. Välj listan efter "
        "namn, eller klistra in adressen till dess sida hos Constant Contact.",
        "activecampaign": "Ett list-ID är ett heltal, till exempel 2. Det står i adressen till listans sida "
        "hos ActiveCampaign, efter listid=.",
        "mailchimp": "Ett målgrupps-ID ser ut som 1b724bb934 och visas i målgruppens inställningar. "
        "Adressen till dess sida hos Mailchimp kan också klistras in.",
    },
    details={
        "add as contributor": _ADMINISTRATOR,
        "unknown type": "Det finns ingen sådan destination. "
        "Det finns: mailchimp, constant_contact, activecampaign.",
        "no display name": "Detta måste ha minst 1 tecken.",
        "use by everybody": "Detta måste vara något av: administrators, contributors.",
        "connect unagreed": "Välj först Jag accepterar för datasekretess och regelefterlevnad: "
        "POST …/consent.",
        "disagree": "Detta måste vara något av: true.",
        "agree to old terms": "Den aktuella versionen av villkoren är 2026-11.",
        "save unconnected": "Anslut till kontot först: POST …/connect.",
        "give an address for a host": "Ange värdnamnet för REST-slutpunkten från "
        "utvecklarinställningarna (Developer) i {destination}, utan https://. Det slutar på något "
        "av: .api-us1.com, .activehosted.com.",
        "give a wrong key": "{destination} släpper inte in någon på acme1.api-us1.com med den här "
        "nyckeln. Kontrollera båda.",
        "save without export user": "Lägg först till dig själv som exportanvändare: "
        "PUT …/export-user.",
        "export on a draft": "Anslutningen {connection} håller fortfarande på att konfigureras. "
        "Spara den först.",
        "look at an unshared connection": _NO_CONNECTION,
        "export on an unshared connection": _NO_CONNECTION,
        "share as contributor": _ADMINISTRATOR,
        "unknown list": "{destination} har ingen sådan lista. {list_help}",
        "no email": "Ange vilken kolumn som innehåller fältet E-post.",
        "missing column": "Kolumnen Mail finns inte i segmentet {segment}. Det finns: {columns}.",
        "no segment": "Detta måste innehålla minst 1 sak.",
        "another table": "Det finns inget sådant segment.",
        "save as viewer": _CONTRIBUTOR,
        "set the refresh as contributor": _ADMINISTRATOR,
        "refresh five times a day": "Detta får innehålla högst 4 saker.",
        "run as viewer": _CONTRIBUTOR,
        "remove as contributor": _ADMINISTRATOR,
        "remove while it is used": "Ta först bort eller koppla från exporterna på den här "
        "anslutningen: {export}.",
        "remove again": _NO_CONNECTION,
        "run detached": _DETACHED,
    },
    sentences={
        "deny at the destination": (
            "Inte ansluten",
            "Inloggningen slutfördes inte. Ingenting ändrades. Börja om med Anslut.",
        ),
        "run by refresh": ("Det var dags för den schemalagda uppdateringen.",),
        "run on demand": ("Startad på begäran.",),
        "save with too many profiles": (
            "Segmentet {segment} har fler än 1\u00a0000 rader, och en export till {destination} "
            "får ha 1\u00a0000 profiler. Rader med samma adress räknas en gång. Om det ändå är "
            "fler skickas ingenting.",
        ),
        "send too many profiles": (
            "Exporten har 1\u00a0001 profiler och får ha 1\u00a0000. Ingenting skickades; välj "
            "mindre segment.",
        ),
        "look at the export": (_DETACHED,),
    },
)
