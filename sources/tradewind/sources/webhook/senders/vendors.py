"""Stripe, Slack, Shopify and Docker Hub, for which there is no adapter document."""

from tradewind.sources.webhook.reading import at, text, time, timestamp
from tradewind.sources.webhook.request import Request


def stripe(_request: Request, payload: object) -> dict[str, str]:
    """`com.stripe.<type>`; the id is the event's own, which all attempts share.  Thin events (v2) have no `data`."""
    account = text(payload, "account", "context")
    said = text(payload, "type")
    return {
        "id": text(payload, "id"),
        "type": f"com.stripe.{said}" if said else "",
        "source": f"https://api.stripe.com/v1/accounts/{account}" if account else "https://api.stripe.com",
        "subject": text(payload, "data.object.id", "related_object.id"),
        "time": time(payload, "created"),
    }


def slack(_request: Request, payload: object) -> dict[str, str]:
    """`com.slack.<type of the event>`; the id is the event's own, which all attempts share.

    Interactions and slash commands, which come as forms, are `com.slack.<type>` and `com.slack.command`.
    """
    said = text(payload, "event.type", "type") or ("command" if text(payload, "command") else "")
    team, app = text(payload, "team_id", "team.id"), text(payload, "api_app_id")
    thing = "/".join(part for part in (team, app) if part)
    return {
        "id": text(payload, "event_id"),
        "type": f"com.slack.{said}" if said else "",
        "source": f"https://slack.com/{thing}" if thing else "",
        "subject": text(payload, "event.channel", "event.channel.id", "event.user", "event.user.id", "channel_id"),
        "time": time(payload, "event_time"),
    }


def challenge(payload: object) -> str:
    """What Slack wants to hear back of a new URL; nothing, where this is no such request."""
    return text(payload, "challenge") if text(payload, "type") == "url_verification" else ""


def shopify(request: Request, payload: object) -> dict[str, str]:
    """`com.shopify.<topic>`, as `com.shopify.orders.create`; the id is the webhook's, which all attempts share."""
    topic, shop = request.identity("x-shopify-topic"), request.identity("x-shopify-shop-domain")
    return {
        "id": request.identity("x-shopify-webhook-id") or request.identity("x-shopify-event-id"),
        "type": f"com.shopify.{topic.replace('/', '.')}" if topic else "",
        "source": f"https://{shop}" if shop else "",
        "subject": text(payload, "admin_graphql_api_id", "id"),
        "time": timestamp(request.identity("x-shopify-triggered-at")),
    }


def docker_hub(_request: Request, payload: object) -> dict[str, str]:
    """`com.docker.image.pushed`; the id is made of the image and the time of the push, which identify it."""
    name, tag = text(payload, "repository.repo_name"), text(payload, "push_data.tag")
    pushed = text(payload, "push_data.pushed_at")
    image = f"{name}:{tag}" if name and tag else ""
    return {
        "id": f"{image}@{pushed}" if image and pushed else "",
        "type": "com.docker.image.pushed" if at(payload, "push_data") is not None else "",
        "source": text(payload, "repository.repo_url"),
        "subject": image,
        "time": timestamp(at(payload, "push_data.pushed_at")),
    }
