"""A walk in French."""

from tests.e2e.told.words import Words

_NEEDS = "Cette action nécessite le rôle {role}. Demandez-le à la personne qui administre Segment Exports."
_ADMINISTRATOR = _NEEDS.format(role="d’administrateur (administrator)")
_CONTRIBUTOR = _NEEDS.format(role="de contributeur (contributor)")
_NO_CONNECTION = "Cette connexion n’existe pas."
_DETACHED = "L’exportation est détachée. Attachez-lui une connexion."

FRENCH = Words(
    titles={
        "may not": "Cette action ne vous est pas permise",
        "none": "Introuvable",
        "not now": "Pas maintenant",
        "wrong": "La demande contient une erreur",
    },
    see_errors="Consultez errors pour savoir ce qui ne va pas.",
    list_help={
        "constant_contact": "Un ID de liste ressemble à 06526938-56dd-11e9-932a-fa163ea075fa. Choisissez la "
        "liste par son nom ou collez l’adresse de sa page chez Constant Contact.",
        "activecampaign": "Un ID de liste est un nombre entier, par exemple 2. Il se trouve dans l’adresse "
        "de la page de la liste chez ActiveCampaign, après listid=.",
    },
    details={
        "add as contributor": _ADMINISTRATOR,
        "unknown type": "Cette destination n’existe pas. "
        "Il y a\u00a0: mailchimp, constant_contact, activecampaign.",
        "no display name": "La valeur doit comporter au moins 1 caractère.",
        "use by everybody": "La valeur doit être l’une des suivantes\u00a0: administrators, "
        "contributors.",
        "connect unagreed": "Sélectionnez d’abord J’accepte pour la confidentialité et la "
        "conformité des données\u00a0: POST …/consent.",
        "disagree": "La valeur doit être l’une des suivantes\u00a0: true.",
        "agree to old terms": "La version actuelle des conditions est 2026-11.",
        "save unconnected": "Connectez d’abord le compte\u00a0: POST …/connect.",
        "save without export user": "Commencez par vous ajouter en tant qu’utilisateur à "
        "exporter\u00a0: PUT …/export-user.",
        "export on a draft": "La connexion {connection} est encore en cours de configuration. "
        "Enregistrez-la d’abord.",
        "look at an unshared connection": _NO_CONNECTION,
        "export on an unshared connection": _NO_CONNECTION,
        "share as contributor": _ADMINISTRATOR,
        "unknown list": "{destination} n’a pas cette liste. {list_help}",
        "no email": "Indiquez quelle colonne contient le champ E-mail.",
        "missing column": "La colonne Mail ne figure pas dans le segment {segment}. "
        "Il y a\u00a0: {columns}.",
        "no segment": "La valeur doit contenir au moins 1 élément.",
        "another table": "Ce segment n’existe pas.",
        "save as viewer": _CONTRIBUTOR,
        "set the refresh as contributor": _ADMINISTRATOR,
        "refresh five times a day": "La valeur doit contenir au plus 4 éléments.",
        "run as viewer": _CONTRIBUTOR,
        "remove as contributor": _ADMINISTRATOR,
        "remove while it is used": "Supprimez ou détachez d’abord les exportations de cette "
        "connexion\u00a0: {export}.",
        "remove again": _NO_CONNECTION,
        "run detached": _DETACHED,
    },
    sentences={
        "deny at the destination": (
            "Non connecté",
            "L’authentification n’a pas été menée à terme. Rien n’a été modifié. Recommencez avec "
            "Connecter.",
        ),
        "run by refresh": ("L’actualisation planifiée était due.",),
        "run on demand": ("Exécution à la demande.",),
        "save with too many profiles": (
            "Le segment {segment} a plus de 1\u202f000 lignes, et une exportation vers "
            "{destination} peut avoir 1\u202f000 profils. Les lignes ayant la même adresse "
            "comptent une fois. S’il y en a encore davantage, rien n’est envoyé.",
        ),
        "send too many profiles": (
            "L’exportation compte 1\u202f001 profils et peut en compter 1\u202f000. Rien n’a été "
            "envoyé\u00a0; choisissez des segments plus petits.",
        ),
        "look at the export": (_DETACHED,),
    },
)
