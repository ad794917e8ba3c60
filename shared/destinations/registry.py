"""Every destination, by name: the only list of them."""

from collections.abc import Mapping

from shared.destinations.activecampaign.destination import ActiveCampaign
from shared.destinations.constant_contact.destination import ConstantContact
from shared.destinations.contract import Destination
from shared.destinations.mailchimp.destination import Mailchimp
from shared.destinations.model import Client
from shared.settings import Settings


def destinations(settings: Settings) -> Mapping[str, Destination]:
    """Return the destinations as the settings shape them."""
    mailchimp = Mailchimp(
        Client(settings.mailchimp_client_id, settings.mailchimp_client_secret.get_secret_value()),
        settings.mailchimp_login_url,
        settings.mailchimp_api_url,
        settings.mailchimp_partial_answers,
        settings.mailchimp_connections,
    )
    constant_contact = ConstantContact(
        Client(
            settings.constant_contact_client_id,
            settings.constant_contact_client_secret.get_secret_value(),
        ),
        settings.constant_contact_login_url,
        settings.constant_contact_api_url,
        settings.constant_contact_requests_per_second,
        settings.constant_contact_requests_per_day,
        settings.constant_contact_date_format,
    )
    suffixes = settings.activecampaign_host_suffixes.split(",")
    activecampaign = ActiveCampaign(
        settings.activecampaign_url,
        [suffix.strip().lower().lstrip(".") for suffix in suffixes if suffix.strip()],
        expects_reports=settings.public_base_url.scheme == "https",
    )
    known: tuple[Destination, ...] = (mailchimp, constant_contact, activecampaign)
    return {destination.name: destination for destination in known}
