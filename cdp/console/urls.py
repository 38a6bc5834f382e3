"""Pages of the shell inside a workspace."""

from __future__ import annotations

from django.urls import path

from cdp.console import views

app_name = "console"
urlpatterns = [
    path("", views.HomePage.as_view(), name="home"),
    path("jobs/", views.JobList.as_view(), name="jobs"),
    path("jobs/<str:pk>/", views.JobDetail.as_view(), name="job"),
    path("jobs/<str:pk>/state/", views.JobState.as_view(), name="job-state"),
    path("jobs/<str:pk>/cancel/", views.CancelJob.as_view(), name="job-cancel"),
    path("jobs/<str:pk>/retry/", views.RetryJob.as_view(), name="job-retry"),
    path("messages/", views.Messages.as_view(), name="messages"),
    path("messages/read/", views.ReadMessages.as_view(), name="messages-read"),
    path("messages/<str:pk>/", views.OpenMessage.as_view(), name="message"),
]
