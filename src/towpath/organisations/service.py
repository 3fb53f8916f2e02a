"""Organisations and where their data lives. The organisation of a request comes from membership or token, never a header."""

import re
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.engine import make_url

from towpath.kit import clock, db, jail, settings
from towpath.kit.actor import Role
from towpath.kit.errors import Conflict, Invalid, NotFound, Unavailable
from towpath.organisations import queries
from towpath.organisations.model import Hostname, Membership, Organisation

ID = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]")


def founded(session: db.Session) -> bool:
    """Whether the install has an organisation at all; asked in the control database."""
    return bool(queries.all_of(session))


def control() -> db.DatabaseRef:
    """The control database: accounts, memberships, hostnames, executors."""
    return _ref("control")


def database(organisation_id: str) -> db.DatabaseRef:
    """The database of one organisation; the caller knows that it exists."""
    return _ref(organisation_id)


def databases() -> list[db.DatabaseRef]:
    """Databases of all organisations of this install, for the event dispatcher and sweeps."""
    with db.read(control()) as session:
        return [_ref(row.id) for row in queries.all_of(session)]


def _ref(name: str) -> db.DatabaseRef:
    config = settings.current()
    if config.database_url:
        url = make_url(config.database_url.get_secret_value()).set(drivername="postgresql+psycopg")
        schema = "towpath_control" if name == "control" else f"towpath_org_{name.replace('-', '_')}"
        return db.DatabaseRef(name, url.render_as_string(hide_password=False), schema)
    folder = config.folder("databases")
    return db.DatabaseRef(name, f"sqlite:///{folder / (name + '.db')}")


def create(session: db.Session, organisation_id: str, title: str) -> Organisation:
    """Add a tenant to the control database; its own database is made by the migrations of the next step.

    Raises Invalid for a bad id, Conflict for a taken one, Unavailable for a second one where nothing keeps two apart.
    """
    if not ID.fullmatch(organisation_id) or organisation_id == "control":
        raise Invalid(f"'{organisation_id}' cannot name an organisation", hint="use 3 to 32 of a-z, 0-9 and '-'")
    if queries.get(session, organisation_id):
        raise Conflict(f"organisation '{organisation_id}' exists", hint="choose another id")
    if queries.all_of(session) and jail.probe().kind == "none":
        raise Unavailable("this host cannot keep two organisations apart", hint=jail.MEND)
    return queries.add(session, organisation_id, title, clock.now())


def get(session: db.Session, organisation_id: str) -> Organisation:
    """One organisation; raises NotFound."""
    found = queries.get(session, organisation_id)
    if found is None:
        raise NotFound(f"there is no organisation '{organisation_id}'")
    return found


def join(session: db.Session, account_id: str, organisation_id: str, user_ref: str, role: Role) -> Membership:
    """Make an account a member, or change the user or role of its membership."""
    row = Membership(account_id=account_id, organisation_id=organisation_id, user_ref=user_ref, role=int(role))
    return session.merge(row)


def memberships_of(session: db.Session, account_id: str) -> list[tuple[Membership, Organisation]]:
    """The organisations of an account."""
    return queries.memberships_of(session, account_id)


def members(session: db.Session, organisation_id: str) -> list[Membership]:
    """The members of an organisation."""
    return queries.members(session, organisation_id)


def hostname_for(organisation_id: str, component: str, environment: str) -> str:
    """The hostname of a service: short for the first organisation, with the organisation's id for others."""
    with db.read(control()) as session:
        first = get(session, organisation_id).position == 1
    return f"{component}.{environment}.localhost" if first else f"{component}.{environment}.{organisation_id}.localhost"


def claim_hostname(session: db.Session, host: str, organisation_id: str, run_id: str) -> None:
    """Claim a hostname for an organisation before its own fact is written; a repeat is fine.

    Raises Conflict, which names no other tenant, when somebody else has it.
    """
    claim = queries.hostname(session, host)
    if claim is not None and claim.organisation_id != organisation_id:
        raise Conflict(f"hostname '{host}' is taken", hint="choose another name for the service")
    if claim is None:
        session.add(Hostname(host=host, organisation_id=organisation_id, run_id=run_id, created_at=clock.now()))


def release_hostname(session: db.Session, host: str, organisation_id: str) -> None:
    """Give a hostname back; a repeat is fine."""
    queries.remove_hostname(session, host, organisation_id)


def beat(executor: str) -> None:
    """Record that this executor lives."""
    with db.write(control()) as session:
        queries.beat(session, executor, clock.now())


def bury(take_over: Callable[[list[str]], object]) -> None:
    """Give `take_over` the executors that have been silent for 30 s, each to one caller only, then strike them off.

    Whoever dies or fails in between leaves them to the next one.
    """
    with db.write(control()) as session:
        if dead := queries.dead_executors(session, clock.now() - timedelta(seconds=30)):
            take_over(dead)
            queries.remove_executors(session, dead)
