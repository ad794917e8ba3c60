"""The five documents that the product was built from, as far as a walk needs them.

They tell, step by step, how segments are exported to Constant Contact (in Swedish, French and English),
ActiveCampaign and Mailchimp (in Swedish). Names of connections, segments and columns are in the words
of the document.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_SWEDISH = {"email": "E-post", "first_name": "Förnamn", "last_name": "Efternamn"}
_SWEDISH_TERMS = (
    "anslutning",
    "Jag accepterar",
    "datasekretess",
    "exportanvändare",
    "deltagare",
    "administratör",
    "export",
    "segment",
    "E-post",
    "Förnamn",
    "Efternamn",
    "schemalagda uppdateringen",
    "på begäran",
)


@dataclass(frozen=True)
class Document:
    """One document: where it sends to, in which language, what its readers name things."""

    destination: str
    title: str  # of the destination
    language: str
    display_name: str  # of the connection
    export: str
    segment: str
    fields: Mapping[str, str]  # that it maps, with the column of each; they are also its titles
    terms: tuple[str, ...]  # of its own that the product's words have to have

    @property
    def id(self) -> str:
        """What a test calls it."""
        return f"{self.destination}-{self.language}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its segment, the last of which no export maps."""
        return (*self.fields.values(), "CustomerId")


DOCUMENTS = (
    Document(
        destination="constant_contact",
        title="Constant Contact",
        language="sv",
        display_name="Nyhetsbrev i Constant Contact",
        export="Vårens erbjudanden",
        segment="Trogna kunder",
        fields=_SWEDISH,
        terms=(*_SWEDISH_TERMS, "list-ID", "Spara"),
    ),
    Document(
        destination="constant_contact",
        title="Constant Contact",
        language="fr",
        display_name="Lettre d’information Constant Contact",
        export="Offres de printemps",
        segment="Clients fidèles",
        fields={"email": "E-mail", "first_name": "Prénom", "last_name": "Nom"},
        terms=(
            "connexion",
            "J’accepte",
            "confidentialité et la conformité des données",
            "utilisateur à exporter",
            "contributeur",
            "administrateur",
            "exportation",
            "segment",
            "ID de liste",
            "E-mail",
            "Prénom",
            "Nom",
            "actualisation planifiée",
            "à la demande",
            "Enregistrez",
        ),
    ),
    Document(
        destination="constant_contact",
        title="Constant Contact",
        language="en",
        display_name="Constant Contact newsletter",
        export="Spring offers",
        segment="Loyal customers",
        fields={"email": "Email", "first_name": "First name", "last_name": "Last name"},
        terms=(
            "connection",
            "I agree",
            "data privacy and compliance",
            "export user",
            "contributor",
            "administrator",
            "export",
            "segment",
            "Email",
            "First name",
            "Last name",
            "scheduled refresh",
            "on demand",
            "Save",
        ),
    ),
    Document(
        destination="activecampaign",
        title="ActiveCampaign",
        language="sv",
        display_name="Kampanjer i ActiveCampaign",
        export="Ringlista",
        segment="Nya kunder",
        fields={**_SWEDISH, "phone": "Telefon"},
        terms=(*_SWEDISH_TERMS, "list-ID", "värdnamnet för REST-slutpunkten", "utan https://"),
    ),
    Document(
        destination="mailchimp",
        title="Mailchimp",
        language="sv",
        display_name="Målgrupp i Mailchimp",
        export="Månadens nyhetsbrev",
        segment="Prenumeranter",
        fields=_SWEDISH,
        terms=(*_SWEDISH_TERMS, "målgrupps-ID"),
    ),
)
