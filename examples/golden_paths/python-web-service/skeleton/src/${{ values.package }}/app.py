"""The application: routes and what they answer."""

import os

{% if values.database %}
from fastapi import APIRouter, FastAPI, HTTPException
{% else %}
from fastapi import APIRouter, FastAPI
{% endif %}
from pydantic import BaseModel
{% if values.database %}

from ${{ values.package }}.notes import NewNote, Note, NoteStore, StoreUnavailable
{% endif %}

NAME = "${{ values.name }}"
DESCRIPTION = ${{ values.description | dump }}
router = APIRouter()


class Greeting(BaseModel):
    """What the root answers."""

    service: str
    message: str


class Health(BaseModel):
    """What the probes answer."""

    status: str


@router.get("/")
def greet() -> Greeting:
    """Say hello: replace this with what the service is for."""
    return Greeting(service=NAME, message=f"Hello from {NAME}")


@router.get("/healthz", tags=["health"])
def healthz() -> Health:
    """Alive: the process answers."""
    return Health(status="ok")


@router.get("/readyz", tags=["health"])
def readyz() -> Health:
    """Ready: it can take requests. It asks nothing of others, so that their trouble does not take it down."""
    return Health(status="ok")


{% if values.database %}
def add_notes(app: FastAPI, store: NoteStore) -> None:
    """Routes of an example resource that lives in the database."""

    @app.get("/notes", tags=["notes"])
    def list_notes() -> list[Note]:
        """The newest 100 notes."""
        try:
            return store.newest()
        except StoreUnavailable as error:
            raise HTTPException(503, str(error)) from error

    @app.post("/notes", status_code=201, tags=["notes"])
    def add_note(note: NewNote) -> Note:
        """Keep a note."""
        try:
            return store.add(note.text)
        except StoreUnavailable as error:
            raise HTTPException(503, str(error)) from error


{% endif %}
def create_app() -> FastAPI:
    """A fresh application; tests make one each."""
    app = FastAPI(title=NAME, description=DESCRIPTION, version="0.1.0")
    app.include_router(router)
{% if values.database %}
    add_notes(app, NoteStore(os.environ.get("DATABASE_URL", "")))
{% endif %}
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        from ${{ values.package }} import telemetry

        telemetry.instrument(app, NAME)
    return app
